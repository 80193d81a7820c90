import type { Content } from '../model.ts';
import type { ModelServer } from './world.ts';

/** What was answered. Nothing here is true of what is in doubt. */
export interface ShareModel {
  readonly volumes: Map<string, ShareVolume>; // by name, as snapshots
  readonly snapshots: Map<string, ShareSnapshot>;
  readonly groups: Map<string, ShareGroup>;
  /** Ids of what was deleted, and of whose server it was. */
  readonly gone: { readonly id: string; readonly server: ModelServer }[];
  /** Names of volumes that were kept when they were deleted: their folders stay. */
  readonly kept: { readonly name: string; readonly as: 'retained' | 'archived'; readonly server: ModelServer }[];
  /** Calls of which nobody knows what came, in their order. */
  readonly doubts: Doubt[];
  /** Names of volumes whose creation nobody asked for again: they are there, or not. */
  readonly abandoned: Map<string, ModelServer>;
}

export interface Doubt {
  readonly server: ModelServer;
  /** Names that nothing is done with, nor said of, until it is settled. */
  readonly names: readonly string[];
  /** Calls again: it must be done then. */
  readonly settle: () => Promise<void>;
}

export interface ShareVolume {
  readonly id: string;
  readonly name: string;
  readonly server: ModelServer;
  readonly context: Readonly<Record<string, string>>;
  readonly onDelete: 'delete' | 'retain' | 'archive';
  readonly sourceId: string | undefined;
  sizeBytes: number;
  content: Content;
  /** Nodes that have it, and whether only to read. */
  readonly attached: Map<string, boolean>;
  staged: boolean;
  readonly targets: Map<string, { readonly readOnly: boolean }>;
}

export interface ShareSnapshot {
  readonly id: string;
  readonly name: string;
  readonly server: ModelServer;
  readonly sourceId: string;
  readonly sizeBytes: number;
  readonly content: Content;
  /** The name of the group that it is of. */
  readonly group?: string;
}

export interface ShareGroup {
  readonly id: string;
  readonly name: string;
  readonly server: ModelServer;
  readonly sourceIds: readonly string[];
  readonly snapshotIds: readonly string[];
}

export function createShareModel(): ShareModel {
  return {
    volumes: new Map(),
    snapshots: new Map(),
    groups: new Map(),
    gone: [],
    kept: [],
    doubts: [],
    abandoned: new Map(),
  };
}

export function isInDoubt({ doubts, abandoned }: ShareModel, name: string): boolean {
  return abandoned.has(name) || doubts.some(({ names }) => names.includes(name));
}

/** One of those that are not in doubt. */
export function choose<Item extends { readonly name: string }>(
  model: ShareModel,
  all: ReadonlyMap<string, Item>,
  number: number,
  prefer: (item: Item) => boolean = () => true,
): Item | undefined {
  const sure = [...all.values()].filter(({ name }) => !isInDoubt(model, name));
  const preferred = sure.filter(prefer);
  const from = preferred.length === 0 || number % 4 === 3 ? sure : preferred;
  return from[number % from.length];
}
