import type { VolumeOptions } from '../backends/backend.ts';
import type { ShareSource } from '../nfs/source.ts';

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

export const ON_DELETE = ['delete', 'retain', 'archive'] as const;
export type OnDelete = (typeof ON_DELETE)[number];

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
  readonly parameters: Readonly<{ pool?: string; share?: ShareWish }> & MutableParameters;
  readonly mutableParameters: MutableParameters;
  readonly source: ContentSource | undefined;
  readonly requisite: readonly Topology[]; // empty: anywhere
}

/** Where on a share a volume shall lie, and whose its folder shall be (NFS). */
export interface ShareWish {
  readonly source: ShareSource;
  readonly options: readonly string[]; // mount options; the controller takes those that reach the server
  readonly subDir: string | undefined; // undefined: the volume's name
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export type MutableParameters = Readonly<{ onDelete?: OnDelete }> & VolumeOptions;

export interface PublishRequest {
  readonly volumeId: string;
  readonly stagingPath: string | undefined; // undefined for inline ephemeral volumes, which are not staged
  readonly targetPath: string;
  readonly capability: Capability;
  readonly readOnly: boolean;
  readonly volumeContext: Readonly<Record<string, string>>;
  /** Set where the kubelet says that this is an inline volume: what the pod's author asks for. */
  readonly ephemeral?: EphemeralWish;
}

/** The attributes of an inline ephemeral volume. */
export interface EphemeralWish {
  readonly pool: string | undefined; // undefined: the only one that fits
  readonly sizeBytes: number | undefined; // undefined: the default
  readonly medium: 'memory' | 'disk' | undefined; // undefined: whatever the pool is on
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

/** Everything that names one volume and nothing more: delete, get. */
export interface VolumeRequest {
  readonly volumeId: string;
}

/** ControllerPublishVolume. */
export interface AttachRequest {
  readonly volumeId: string;
  readonly nodeId: string;
  readonly capability: Capability;
  readonly readOnly: boolean;
  readonly volumeContext: Readonly<Record<string, string>>;
}

/** ControllerUnpublishVolume. */
export interface DetachRequest {
  readonly volumeId: string;
  readonly nodeId: string | undefined; // undefined: from all nodes
}

export interface ValidateRequest {
  readonly volumeId: string;
  readonly volumeContext: Readonly<Record<string, string>>;
  readonly capabilities: readonly Capability[]; // at least one
  readonly parameters: CreateVolumeRequest['parameters'];
  readonly mutableParameters: MutableParameters;
}

export interface CapacityRequest {
  readonly capabilities: readonly Capability[]; // may be empty; all of one access type
  readonly parameters: CreateVolumeRequest['parameters'];
  readonly topology: Topology | undefined; // undefined: anywhere
}

/** ControllerExpandVolume. */
export interface ExpandRequest {
  readonly volumeId: string;
  readonly size: SizeRange;
  readonly capability: Capability | undefined;
}

export interface ModifyRequest {
  readonly volumeId: string;
  readonly mutableParameters: MutableParameters;
}

export interface CreateSnapshotRequest {
  readonly name: string;
  readonly sourceVolumeId: string;
}

export interface SnapshotRequest {
  readonly snapshotId: string;
}

export interface ListSnapshotsRequest {
  readonly page: Page;
  readonly sourceVolumeId: string | undefined; // undefined: of any volume
  readonly snapshotId: string | undefined; // undefined: any
}

export interface CreateGroupRequest {
  readonly name: string;
  readonly sourceVolumeIds: readonly string[]; // at least one, each once
}

/** Delete or get a group snapshot. `snapshotIds` are what the caller believes to be its members. */
export interface GroupRequest {
  readonly groupId: string;
  readonly snapshotIds: readonly string[]; // each once; must be all of a group that exists
}

export interface UnstageRequest {
  readonly volumeId: string;
  readonly stagingPath: string;
}

export interface UnpublishRequest {
  readonly volumeId: string;
  readonly targetPath: string;
}

export interface StatsRequest {
  readonly volumeId: string;
  readonly volumePath: string; // where it was staged or published; absolute
  readonly stagingPath: string | undefined;
}

export interface NodeExpandRequest {
  readonly volumeId: string;
  readonly volumePath: string; // where it was staged or published; absolute
  readonly stagingPath: string | undefined;
  readonly size: SizeRange; // requiredBytes 0: as large as its device or record says
  readonly capability: Capability | undefined;
}
