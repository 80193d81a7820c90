/**
 * Requests as the domain takes them: checked and narrowed once, at the edge (`csi/validate`). Sizes are bytes.
 */
export type AccessMode =
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_READER_ONLY'
  | 'MULTI_NODE_SINGLE_WRITER'
  | 'MULTI_NODE_MULTI_WRITER'
  | 'SINGLE_NODE_SINGLE_WRITER'
  | 'SINGLE_NODE_MULTI_WRITER';

export type Access =
  | { readonly type: 'block' }
  | { readonly type: 'mount'; readonly fsType: string | undefined; readonly mountFlags: readonly string[] };

export interface Capability {
  readonly access: Access;
  readonly mode: AccessMode;
}

export interface SizeRange {
  readonly requiredBytes: number; // 0: none asked for
  readonly limitBytes: number | undefined;
}

export type OnDelete = 'delete' | 'retain' | 'archive';

export interface ContentSource {
  readonly kind: 'volume' | 'snapshot';
  readonly id: string;
}

/** Topology segments, key to value. */
export type Topology = Readonly<Record<string, string>>;

export interface CreateVolumeRequest {
  readonly name: string;
  readonly size: SizeRange;
  readonly capabilities: readonly Capability[]; // at least one; all of one access type
  readonly parameters: Readonly<{ pool?: string; onDelete?: OnDelete }>;
  readonly mutableParameters: MutableParameters;
  readonly source: ContentSource | undefined;
  readonly requisite: readonly Topology[]; // empty: anywhere
}

export type MutableParameters = Readonly<{ onDelete?: OnDelete }>;

export interface PublishRequest {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly targetPath: string;
  readonly capability: Capability;
  readonly readOnly: boolean;
  readonly volumeContext: Readonly<Record<string, string>>;
}

export interface StageRequest {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly capability: Capability;
  readonly volumeContext: Readonly<Record<string, string>>;
}

export interface Page {
  readonly maxEntries: number; // 0: no limit
  readonly startingToken: string | undefined;
}
