import type { VolumeUsage } from '../backends/backend.ts';
import type {
  AttachRequest,
  CapacityRequest,
  ContentSource,
  CreateGroupRequest,
  CreateSnapshotRequest,
  CreateVolumeRequest,
  DetachRequest,
  ExpandRequest,
  GroupRequest,
  ListSnapshotsRequest,
  ModifyRequest,
  NodeExpandRequest,
  Page,
  PublishRequest,
  SnapshotRequest,
  StageRequest,
  StatsRequest,
  Topology,
  UnpublishRequest,
  UnstageRequest,
  ValidateRequest,
  VolumeRequest,
} from './requests.ts';

export interface VolumeInfo {
  readonly id: string;
  readonly sizeBytes: number;
  readonly context: Readonly<Record<string, string>>;
  readonly topology: readonly Topology[];
  readonly source: ContentSource | undefined;
}

/** CSI's VolumeCondition: for humans, `message` also where nothing is wrong. */
export interface Condition {
  readonly abnormal: boolean;
  readonly message: string;
}

export interface VolumeStatus {
  readonly volume: VolumeInfo;
  readonly publishedNodeIds: readonly string[];
  readonly condition: Condition;
}

export interface SnapshotInfo {
  readonly id: string;
  readonly sourceVolumeId: string;
  readonly sizeBytes: number; // a volume restored from it must be at least this large
  readonly createdAt: Date;
  readonly ready: boolean;
  readonly groupId: string | undefined;
}

export interface GroupInfo {
  readonly id: string;
  readonly snapshots: readonly SnapshotInfo[];
  readonly createdAt: Date;
  readonly ready: boolean;
}

export interface NodeInfo {
  readonly nodeId: string;
  readonly maxVolumes: number; // 0: no limit told
  readonly topology: Topology | undefined; // undefined: what is here is reached from anywhere
}

/** One page of a list; `nextToken` is undefined at its end. */
export interface Listing<Entry> {
  readonly entries: readonly Entry[];
  readonly nextToken: string | undefined;
}

export interface Capacity {
  readonly availableBytes: number;
  readonly maximumVolumeBytes?: number;
  readonly minimumVolumeBytes?: number;
}

/** Whether the volume has all that was asked; `reason` says what it lacks. */
export type Validation = { readonly confirmed: true } | { readonly confirmed: false; readonly reason: string };

export interface Expansion {
  readonly sizeBytes: number;
  readonly nodeExpansionRequired: boolean;
}

export interface Stats {
  readonly usage: VolumeUsage | undefined; // undefined where the condition is why it cannot be told
  readonly condition: Condition;
}

/** What a driver is able to say of itself. `problem` is set where it is unhealthy, not where it is only starting. */
export interface Readiness {
  readonly ready: boolean;
  readonly problem?: string;
}

/** What is served and advertised; the rest answers UNIMPLEMENTED. Fixed from the start of the process. */
export interface ServiceFeatures {
  /** What the parameters of StorageClasses name. */
  readonly parameters: 'pools' | 'shares';
  readonly controllerExpansion: boolean;
  readonly modify: boolean;
  readonly groupSnapshots: boolean;
  /** What a pool of the config can do, of whatever node. */
  readonly snapshots: boolean;
  readonly clones: boolean;
  readonly expansion: boolean;
}

/**
 * The domain as the gRPC edge sees it: one method for each operation of CSI that needs more than the request itself.
 * Requests are checked (`csi/validate`), ids are not yet parsed. Every method may be called again with the same
 * request and then answers the same; it throws StowageError. The signal ends it (deadline, caller gone, shutdown).
 */
export interface VolumeService {
  readonly features: ServiceFeatures;
  ready(): Readiness;

  createVolume(request: CreateVolumeRequest, signal: AbortSignal): Promise<VolumeInfo>;
  deleteVolume(request: VolumeRequest, signal: AbortSignal): Promise<void>;
  getVolume(request: VolumeRequest, signal: AbortSignal): Promise<VolumeStatus>;
  listVolumes(request: Page, signal: AbortSignal): Promise<Listing<VolumeStatus>>;
  validateVolume(request: ValidateRequest, signal: AbortSignal): Promise<Validation>;
  expandVolume(request: ExpandRequest, signal: AbortSignal): Promise<Expansion>;
  modifyVolume(request: ModifyRequest, signal: AbortSignal): Promise<void>;
  capacity(request: CapacityRequest, signal: AbortSignal): Promise<Capacity>;
  /** Gives the publish_context that stage and publish will see. */
  attach(request: AttachRequest, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  detach(request: DetachRequest, signal: AbortSignal): Promise<void>;

  createSnapshot(request: CreateSnapshotRequest, signal: AbortSignal): Promise<SnapshotInfo>;
  deleteSnapshot(request: SnapshotRequest, signal: AbortSignal): Promise<void>;
  getSnapshot(request: SnapshotRequest, signal: AbortSignal): Promise<SnapshotInfo>;
  listSnapshots(request: ListSnapshotsRequest, signal: AbortSignal): Promise<Listing<SnapshotInfo>>;

  createGroup(request: CreateGroupRequest, signal: AbortSignal): Promise<GroupInfo>;
  deleteGroup(request: GroupRequest, signal: AbortSignal): Promise<void>;
  getGroup(request: GroupRequest, signal: AbortSignal): Promise<GroupInfo>;

  stage(request: StageRequest, signal: AbortSignal): Promise<void>;
  unstage(request: UnstageRequest, signal: AbortSignal): Promise<void>;
  publish(request: PublishRequest, signal: AbortSignal): Promise<void>;
  unpublish(request: UnpublishRequest, signal: AbortSignal): Promise<void>;
  stats(request: StatsRequest, signal: AbortSignal): Promise<Stats>;
  /** Gives the size in bytes after it. */
  expandOnNode(request: NodeExpandRequest, signal: AbortSignal): Promise<number>;
  nodeInfo(): NodeInfo;
}
