import type { AnyHandler } from '../../../src/csi/calls.ts';
import { createHandlers } from '../../../src/csi/driver.ts';
import type { CallContext } from '../../../src/csi/handlers.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import type { VolumeService } from '../../../src/volumes/service.ts';

export const plugin = { name: 'local.csi.stowage.dev', version: '1.2.3' };

/** The handlers of all services by RPC name, for calls chosen by reflection. */
export function handlersByName(volumes: VolumeService): ReadonlyMap<string, AnyHandler> {
  return new Map(Object.values(createHandlers(plugin, volumes)).flatMap((service) => Object.entries(service ?? {})));
}

export function callContext(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, requestId: 'test', log: createLog('silent') };
}
