import type { OnDelete } from '../../volumes/requests.ts';

/** What a word says, in any case; undefined for what is none. */
export function onDeleteOf(text: string): OnDelete | undefined {
  return (['delete', 'retain', 'archive'] as const).find((one) => one === text.toLowerCase());
}
