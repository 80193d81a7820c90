import { ON_DELETE, type OnDelete } from '../../volumes/requests.ts';

/** What a word says, in any case; undefined for what is none. */
export function onDeleteOf(text: string): OnDelete | undefined {
  return ON_DELETE.find((one) => one === text.toLowerCase());
}
