import { type ErrorCode, errnoOf, messageOf, StowageError } from '../errors.ts';
import { attach, detach } from './attach.ts';
import { topologyOf } from './choose.ts';
import type { Context } from './context.ts';
import { createVolume } from './create.ts';
import { deleteVolume } from './delete.ts';
import { capacity, getVolume, listSnapshots, listVolumes, modifyVolume, validateVolume } from './describe.ts';
import { expandVolume } from './expand.ts';
import { createGroup, deleteGroup, getGroup } from './group.ts';
import { expandOnNode, stats } from './mounted.ts';
import { namingShare } from './nfs/late.ts';
import { publishNfs, unpublishNfs } from './nfs/publish.ts';
import { stageNfs, unstageNfs } from './nfs/stage.ts';
import { type AskStats, expandNfs } from './nfs/stats.ts';
import { publish, unpublish } from './publish.ts';
import type { ServiceFeatures, VolumeService } from './service.ts';
import { createSnapshot, deleteSnapshot, getSnapshot } from './snapshot.ts';
import { stage, unstage } from './stage.ts';

type PoolFeatures = Omit<ServiceFeatures, 'parameters' | 'controllerExpansion' | 'modify' | 'groupSnapshots'>;

/** The operations as the gRPC edge calls them. All wait for the recovery after a start, but those that say who and how we are. */
export function bindService(
  context: Context,
  recovered: Promise<void>,
  able: PoolFeatures,
  askNfs: AskStats,
): VolumeService {
  const { config } = context;
  let isReady = false;
  recovered.then(
    () => {
      isReady = true;
    },
    () => undefined,
  );

  function bound<Request, Result>(
    operation: (context: Context, request: Request, signal: AbortSignal) => Result | Promise<Result>,
  ): (request: Request, signal: AbortSignal) => Promise<Result> {
    return async (request, signal) => {
      if (!isReady) await recovered;
      try {
        if (context.shares === undefined) return await operation(context, request, signal);
        return await namingShare(context, request, Promise.resolve(operation(context, request, signal)), signal);
      } catch (error) {
        throw explained(error);
      }
    };
  }

  return {
    features: {
      ...able,
      parameters: context.shares === undefined ? 'pools' : 'shares',
      controllerExpansion: config.controllerExpansion && able.expansion,
      modify: config.controllerModify,
      groupSnapshots: config.groupController && able.snapshots,
    },
    ready: () => ({ ready: isReady }),
    nodeInfo: () => ({
      nodeId: context.nodeId,
      maxVolumes: config.maxVolumesPerNode,
      topology: topologyOf(context)[0],
    }),
    createVolume: bound(createVolume),
    deleteVolume: bound(deleteVolume),
    getVolume: bound(getVolume),
    listVolumes: bound(listVolumes),
    validateVolume: bound(validateVolume),
    expandVolume: bound(expandVolume),
    modifyVolume: bound(modifyVolume),
    capacity: bound(capacity),
    attach: bound(attach),
    detach: bound(detach),
    createSnapshot: bound(createSnapshot),
    deleteSnapshot: bound(deleteSnapshot),
    getSnapshot: bound(getSnapshot),
    listSnapshots: bound(listSnapshots),
    createGroup: bound(createGroup),
    deleteGroup: bound(deleteGroup),
    getGroup: bound(getGroup),
    ...(context.shares === undefined ? onDisks() : onShares()),
  };

  function onDisks() {
    return {
      stage: bound(stage),
      unstage: bound(unstage),
      publish: bound(publish),
      unpublish: bound(unpublish),
      stats: bound(stats),
      expandOnNode: bound(expandOnNode),
    };
  }

  function onShares() {
    return {
      stage: bound(stageNfs),
      unstage: bound(unstageNfs),
      publish: bound(publishNfs),
      unpublish: bound(unpublishNfs),
      stats: bound(askNfs),
      expandOnNode: bound(expandNfs),
    };
  }
}

/** What a disk that is full, read-only or failing answers is no fault of ours; the words are the system's, with call and path. */
function explained(error: unknown): unknown {
  const code = DISK_PROBLEMS[errnoOf(error) ?? ''];
  return code === undefined ? error : new StowageError(code, messageOf(error), { cause: error });
}

const DISK_PROBLEMS: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EROFS: 'unavailable',
  EIO: 'unavailable',
  ENODEV: 'unavailable',
  ENXIO: 'unavailable',
};
