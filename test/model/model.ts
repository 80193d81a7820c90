/** What a caller of CSI may expect, kept in plain maps: no disk, no mount, no order of calls but the one that was. */
export interface Model {
  readonly volumes: Map<string, ModelVolume>; // by id
  readonly snapshots: Map<string, ModelSnapshot>;
  readonly groups: Map<string, ModelGroup>;
  /** Ids of what was deleted. */
  readonly gone: { readonly volume: string[]; readonly snapshot: string[]; readonly group: string[] };
}

/** What each slot (a file, or a place on a device) holds; 0 is nothing. */
export type Content = ReadonlyMap<number, number>;

export interface ModelVolume {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly access: 'mount' | 'block';
  readonly source: { readonly kind: 'volume' | 'snapshot'; readonly id: string } | undefined;
  sizeBytes: number;
  /** What its own file system is made for; grows when it is mounted. */
  fsBytes: number;
  content: Content;
  /** The nodes that have it, by id, in the order in which they got it. */
  readonly attached: Map<string, { readonly readOnly: boolean }>;
  staged: boolean;
  readonly targets: Map<string, { readonly readOnly: boolean }>;
}

export interface ModelSnapshot {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly access: 'mount' | 'block';
  readonly sourceId: string;
  readonly sizeBytes: number;
  readonly fsBytes: number;
  readonly reservedBytes: number; // as the driver chose it: at most its size, and the same for ever
  readonly content: Content;
  readonly groupId: string | undefined;
}

export interface ModelGroup {
  readonly id: string;
  readonly name: string;
  readonly sourceIds: readonly string[];
  readonly snapshotIds: readonly string[];
}

export function createModel(): Model {
  return {
    volumes: new Map(),
    snapshots: new Map(),
    groups: new Map(),
    gone: { volume: [], snapshot: [], group: [] },
  };
}

/** Ids that look like ours, and that nobody ever gave: of a pool and node that nobody knows would be another refusal. */
const NEVER_GIVEN = 'not-one-of-ours';

/**
 * Every tenth number means what is not there (any more), the others one of what is there.
 * @param prefer most of the others mean one of these, where there are any
 */
export function pickId<K extends Kind>(
  model: Model,
  kind: K,
  number: number,
  prefer: (item: Items[K]) => boolean = () => true,
): string {
  const all = [...itemsOf(model, kind).values()];
  if (all.length === 0 || number % 10 === 9) return model.gone[kind].at(-1) ?? NEVER_GIVEN;
  const preferred = all.filter(prefer);
  return pick(preferred.length === 0 || number % 4 === 3 ? all : preferred, number).id;
}

type Kind = 'volume' | 'snapshot' | 'group';
interface Items {
  volume: ModelVolume;
  snapshot: ModelSnapshot;
  group: ModelGroup;
}

function itemsOf<K extends Kind>(model: Model, kind: K): ReadonlyMap<string, Items[K]> {
  const all: { [Key in Kind]: ReadonlyMap<string, Items[Key]> } = {
    volume: model.volumes,
    snapshot: model.snapshots,
    group: model.groups,
  };
  return all[kind];
}

export function pick<Value>(values: readonly Value[], number: number): Value {
  const value = values[number % values.length];
  if (value === undefined) throw new Error('there is nothing to pick from');
  return value;
}

export function volumeAt(model: Model, target: string): ModelVolume | undefined {
  return [...model.volumes.values()].find(({ targets }) => targets.has(target));
}

export function byName<Named extends { readonly name: string }>(all: ReadonlyMap<string, Named>, name: string) {
  return [...all.values()].find((one) => one.name === name);
}
