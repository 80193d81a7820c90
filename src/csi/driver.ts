import type { VolumeService } from '../volumes/service.ts';
import { createController } from './controller.ts';
import { createGroupController } from './group-controller.ts';
import type { Handlers } from './handlers.ts';
import { createIdentity, type PluginInfo } from './identity.ts';
import { createNode } from './node.ts';

/** All of CSI over one domain. Tests of faults call these without gRPC. */
export function createHandlers(plugin: PluginInfo, volumes: VolumeService): Handlers {
  return {
    identity: createIdentity(plugin, volumes),
    controller: createController(volumes),
    groupController: volumes.features.groupSnapshots ? createGroupController(volumes) : undefined,
    node: createNode(volumes),
  };
}
