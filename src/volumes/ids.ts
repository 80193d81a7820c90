import { createHash, randomBytes } from 'node:crypto';
import { StowageError } from '../errors.ts';

/**
 * Ids are opaque to callers and versioned: `stw1v-<node>-<pool>-<random>`, where the letter names the kind, and node and
 * pool are short hashes, so that an id of another node or of a pool that is away now is told from one that does not exist.
 */
export type Kind = 'volume' | 'snapshot' | 'group';

export type ParsedId =
  | { readonly origin: 'ours'; readonly kind: Kind; readonly nodeHash: string; readonly poolHash: string }
  | { readonly origin: 'foreign' }; // not made by us: static volumes, other drivers' ids

const LETTERS = { volume: 'v', snapshot: 's', group: 'g' } as const;
const KINDS: Readonly<Record<string, Kind>> = { v: 'volume', s: 'snapshot', g: 'group' };
const OURS = /^stw1([vsg])-([0-9a-f]{10})-([0-9a-f]{8})-[0-9a-f]{16}$/;
const ANY_VERSION = /^stw\d/;

/** A short, stable hash of a node's id. */
export function hashNode(nodeId: string): string {
  return createHash('sha256').update(nodeId).digest('hex').slice(0, 10);
}

/** A short, stable hash of a pool's UUID. */
export function hashPool(uuid: string): string {
  return createHash('sha256').update(uuid).digest('hex').slice(0, 8);
}

/** A new id; the random part makes it unique. */
export function newId(kind: Kind, nodeHash: string, poolHash: string): string {
  return `stw1${LETTERS[kind]}-${nodeHash}-${poolHash}-${randomBytes(8).toString('hex')}`;
}

/** Reads an id from a request. Throws 'invalid' for one with our prefix that is malformed or of another version. */
export function parseId(id: string): ParsedId {
  const [, letter = '', nodeHash = '', poolHash = ''] = OURS.exec(id) ?? [];
  const kind = KINDS[letter];
  if (kind !== undefined) return { origin: 'ours', kind, nodeHash, poolHash };
  if (!ANY_VERSION.test(id)) return { origin: 'foreign' };
  throw new StowageError(
    'invalid',
    `id ${JSON.stringify(id)} is malformed, or was made by another version of Stowage than this one (stw1)`,
  );
}

/** A safe name within a pool for this item: readable as far as its name is safe, unique by the id's random part. */
export function folderName(name: string, id: string): string {
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  const unique = id.slice(-16);
  return readable === '' ? unique : `${readable}-${unique}`;
}
