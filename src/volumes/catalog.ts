import {
  type AnyRecord,
  type AsideRecord,
  type GroupRecord,
  hasTakenPlaceOf,
  isAside,
  isLive,
  type SnapshotRecord,
  type StoredRecord,
  type VolumeRecord,
} from './record.ts';
import { createSortedIds, type SortedIds } from './sorted-ids.ts';

/** A record's file that could not be read: reported, never touched. */
export interface Damage {
  readonly pool: string;
  readonly problem: string;
}

/**
 * The records of all pools in memory: a cache of what is durable, with the look-ups that calls need. Snapshots of a group that is not
 * complete are kept but not listed.
 */
export interface Catalog {
  volume(id: string): VolumeRecord | undefined;
  snapshot(id: string): SnapshotRecord | undefined;
  group(id: string): GroupRecord | undefined;
  damage(id: string): Damage | undefined;
  /** The records of a volume in the pools that it moves to (`arriving`) or moved away from (`departed`): at most one in each. */
  asides(id: string): readonly AsideRecord[];
  /** The live record (creating or ready) of that kind and name. */
  byName<K extends AnyRecord['kind']>(kind: K, name: string): Extract<AnyRecord, { kind: K }> | undefined;
  /** The live record of an ephemeral volume; `byName` does not know of those. */
  ephemeral(name: string): VolumeRecord | undefined;
  /** Ids of ready volumes (but ephemeral ones), or of ready and unready snapshots, in order, behind `after`. */
  listed(kind: 'volume' | 'snapshot', after: string | undefined): Iterable<string>;
  snapshotsOf(volumeId: string): readonly SnapshotRecord[];
  /** True while a copy is being made from this volume or snapshot. */
  isBeingCopied(sourceId: string): boolean;
  /** What the pool's records promise, in bytes. */
  promisedBytes(pool: string): number;
  /** Every record of a pool, or of all. */
  all(pool?: string): Iterable<AnyRecord>;
  attachedCount(nodeId: string): number;
  damages(): Iterable<readonly [string, Damage]>;
  /** Enters a record. Of two that say they are one volume, the one that was moved last is it, in whatever order they come. */
  set(record: AnyRecord): void;
  /** Takes a record out; with a pool only the one that lies there. */
  remove(id: string, pool?: string): void;
  setDamage(id: string, damage: Damage): void;
}

export function createCatalog(): Catalog {
  const records = new Map<string, AnyRecord>();
  const asides = new Map<string, readonly AsideRecord[]>();
  const names = new Map<string, string>();
  const listed: Record<'volume' | 'snapshot', SortedIds> = { volume: createSortedIds(), snapshot: createSortedIds() };
  const promised = new Map<string, number>();
  const snapshots = new Map<string, Set<string>>(); // by source volume
  const copies = new Map<string, Set<string>>(); // records in state creating, by source
  const attached = new Map<string, number>(); // volumes, by node
  const damages = new Map<string, Damage>();

  /** Enters (sign 1) or takes out (sign -1) all that is derived from one record. */
  function derive(record: AnyRecord, sign: 1 | -1): void {
    const change = sign === 1 ? addTo : removeFrom;
    if (isAside(record)) {
      promised.set(record.pool, (promised.get(record.pool) ?? 0) + sign * record.reservedBytes);
      return;
    }
    const key = nameKey(record);
    if (isLive(record) && sign === 1) names.set(key, record.id);
    else if (names.get(key) === record.id) names.delete(key);
    if (record.kind === 'group') return;

    promised.set(record.pool, (promised.get(record.pool) ?? 0) + sign * record.reservedBytes);
    if (isListed(record)) {
      if (sign === 1) listed[record.kind].add(record.id);
      else listed[record.kind].remove(record.id);
    }
    const sourceId = record.kind === 'snapshot' ? record.sourceId : record.source?.id;
    if (sourceId !== undefined && record.state === 'creating') change(copies, sourceId, record.id);
    if (record.kind === 'snapshot') {
      change(snapshots, record.sourceId, record.id);
      return;
    }
    for (const { nodeId } of record.attached) attached.set(nodeId, (attached.get(nodeId) ?? 0) + sign);
  }

  function removeAside(id: string, pool: string): void {
    const all = asides.get(id) ?? [];
    const kept = all.filter((aside) => aside.pool !== pool);
    for (const aside of all) if (aside.pool === pool) derive(aside, -1);
    if (kept.length > 0) asides.set(id, kept);
    else asides.delete(id);
  }

  function setAside(record: AsideRecord): void {
    removeAside(record.id, record.pool);
    asides.set(record.id, [...(asides.get(record.id) ?? []), record]);
    derive(record, 1);
  }

  function removeMain(id: string): void {
    const before = records.get(id);
    if (before === undefined) return;
    derive(before, -1);
    records.delete(id);
  }

  function get<K extends AnyRecord['kind']>(kind: K, id: string): Extract<AnyRecord, { kind: K }> | undefined {
    const record = records.get(id);
    return record !== undefined && isKind(record, kind) ? record : undefined;
  }

  return {
    volume: (id) => get('volume', id),
    snapshot: (id) => get('snapshot', id),
    group: (id) => get('group', id),
    damage: (id) => damages.get(id),
    asides: (id) => asides.get(id) ?? [],
    byName: (kind, name) => get(kind, names.get(`${kind}:${name}`) ?? ''),
    ephemeral: (name) => get('volume', names.get(`ephemeral:${name}`) ?? ''),
    listed: (kind, after) => listed[kind].from(after),
    snapshotsOf: (volumeId) =>
      [...(snapshots.get(volumeId) ?? [])].map((id) => get('snapshot', id)).filter((found) => found !== undefined),
    isBeingCopied: (sourceId) => copies.has(sourceId),
    promisedBytes: (pool) => promised.get(pool) ?? 0,
    *all(pool) {
      for (const record of records.values()) if (pool === undefined || record.pool === pool) yield record;
      for (const ofVolume of asides.values())
        for (const record of ofVolume) if (pool === undefined || record.pool === pool) yield record;
    },
    attachedCount: (nodeId) => attached.get(nodeId) ?? 0,
    damages: () => damages.entries(),
    set(record) {
      const before = records.get(record.id);
      const isElsewhere = before !== undefined && before.pool !== record.pool;
      if (isAside(record)) {
        if (!isElsewhere) removeMain(record.id);
        setAside(record);
      } else if (isElsewhere && record.kind === 'volume' && hasTakenPlaceOf(before, record)) {
        setAside(departed(record));
      } else {
        removeMain(record.id);
        removeAside(record.id, record.pool);
        if (isElsewhere && before.kind === 'volume' && hasTakenPlaceOf(record, before)) setAside(departed(before));
        records.set(record.id, record);
        derive(record, 1);
      }
    },
    remove(id, pool) {
      if (pool !== undefined) removeAside(id, pool);
      if (pool === undefined || records.get(id)?.pool === pool) removeMain(id);
    },
    setDamage: (id, damage) => damages.set(id, damage),
  };
}

/** What is not durable yet: the volume is in another pool. */
function departed(record: VolumeRecord): AsideRecord {
  return { ...record, state: 'departed', attached: [] };
}

/** Names of ephemeral volumes are apart: no CreateVolume comes upon one. */
function nameKey(record: AnyRecord): string {
  return `${isEphemeral(record) ? 'ephemeral' : record.kind}:${record.name}`;
}

/** Snapshots also while they are being made. */
function isListed(record: StoredRecord): boolean {
  return record.kind === 'snapshot' ? isLive(record) : record.state === 'ready' && !isEphemeral(record);
}

function isEphemeral(record: AnyRecord): boolean {
  return record.kind === 'volume' && record.ephemeral !== undefined;
}

function isKind<K extends AnyRecord['kind']>(record: AnyRecord, kind: K): record is Extract<AnyRecord, { kind: K }> {
  return record.kind === kind;
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}

function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
