import { createHash } from 'node:crypto';
import type { Item } from '../backend.ts';

/** Every logical volume that we make has this tag, and the id of its item. */
export const OWN_TAG = 'stowage';

const RANDOM_PART = /-([0-9a-f]{16})$/;
const OURS = /^stw[vstda]_[0-9a-f]{16}(_\d{8}T\d{6}Z)?$/;
const TEMPORARY = /^stwt_/;
const ARCHIVED = /^stwa_/;
const SAFE_TAG = /^[a-zA-Z0-9_+.][a-zA-Z0-9_+./=!:&#-]{0,127}$/;

/** The names that an item's logical volume has in its life. Short: device-mapper has 127 bytes for both names, hyphens counted twice. */
export interface LvNames {
  readonly live: string;
  readonly temporary: string;
  readonly trash: string;
  archive(at: Date): string;
}

export function lvNames(item: Pick<Item, 'kind' | 'folder'>): LvNames {
  // Not of the id: a volume that moves between two pools of one group is there twice, with a folder name for each.
  const key = RANDOM_PART.exec(item.folder)?.[1] ?? hash(`${item.kind} ${item.folder}`);
  return {
    live: `${item.kind === 'volume' ? 'stwv' : 'stws'}_${key}`,
    temporary: `stwt_${key}`,
    trash: `stwd_${key}`,
    archive: (at) => `stwa_${key}_${compactTime(at)}`,
  };
}

/** True of a name that we may have given. */
export function isOurName(name: string): boolean {
  return OURS.test(name);
}

/** The part of our names that all those of one item share. */
export function keyOf(name: string): string {
  return name.split('_')[1] ?? name;
}

export function isTemporaryName(name: string): boolean {
  return isOurName(name) && TEMPORARY.test(name);
}

export function isArchiveName(name: string): boolean {
  return isOurName(name) && ARCHIVED.test(name);
}

/** Tells people, and recover, whose a logical volume is. */
export function tagArguments(item: Item): string[] {
  const tags = SAFE_TAG.test(item.id) ? [OWN_TAG, item.id] : [OWN_TAG];
  return tags.flatMap((tag) => ['--addtag', tag]);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** 2026-11-21T08:00:00.000Z -> 20261121T080000Z */
function compactTime(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '');
}
