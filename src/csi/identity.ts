import { StowageError } from '../errors.ts';
import type { ServiceFeatures, VolumeService } from '../volumes/service.ts';
import type { PluginCapability } from './generated/csi/v1/PluginCapability.ts';
import type { ServiceHandlers } from './handlers.ts';

export interface PluginInfo {
  readonly name: string; // local.csi.stowage.dev
  readonly version: string;
}

/** CSI's Identity service: who the plugin is, what it can do, whether it is ready. */
export function createIdentity(
  plugin: PluginInfo,
  volumes: Pick<VolumeService, 'ready' | 'features'>,
): ServiceHandlers<'identity'> {
  return {
    GetPluginInfo: async () => ({ name: plugin.name, vendorVersion: plugin.version }),
    GetPluginCapabilities: async () => ({ capabilities: pluginCapabilities(volumes.features) }),
    Probe: async () => {
      const { ready, problem } = volumes.ready();
      if (problem !== undefined) throw new StowageError('precondition', problem);
      return { ready: { value: ready } };
    },
  };
}

function pluginCapabilities({ parameters, groupSnapshots, expansion }: ServiceFeatures): PluginCapability[] {
  return [
    { service: { type: 'CONTROLLER_SERVICE' } },
    ...(parameters === 'pools' ? [{ service: { type: 'VOLUME_ACCESSIBILITY_CONSTRAINTS' } } as const] : []), // shares are reached from anywhere
    ...(groupSnapshots ? [{ service: { type: 'GROUP_CONTROLLER_SERVICE' } } as const] : []),
    ...(expansion ? [{ volumeExpansion: { type: 'ONLINE' } } as const] : []),
  ];
}
