import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/**
 * The yardstick: an ordinary grpc-js server that parses csi.proto at its start, answers every RPC at once and does nothing.
 * Run from the repository's folder as `node null-driver.js SOCKET`.
 */
const socketPath = process.argv[2];
if (socketPath === undefined) throw new Error('usage: null-driver SOCKET');

/** The least that a client needs to go on; every other RPC is answered with an empty message. */
const ANSWERS: Readonly<Record<string, (request: Readonly<Record<string, unknown>>) => object>> = {
  Probe: () => ({ ready: { value: true } }),
  GetPluginInfo: () => ({ name: 'null.csi.stowage.dev', vendorVersion: '0' }),
  NodeGetInfo: () => ({ nodeId: 'null' }),
  CreateVolume: ({ name }) => ({ volume: { volumeId: name, capacityBytes: 1024 ** 2 } }),
  CreateSnapshot: ({ name, sourceVolumeId }) => ({
    snapshot: { snapshotId: name, sourceVolumeId, readyToUse: true, creationTime: { seconds: 1 } },
  }),
  ControllerExpandVolume: () => ({ capacityBytes: 2 * 1024 ** 2 }),
  NodeGetVolumeStats: () => ({ usage: [{ unit: 'BYTES', total: 1024 ** 2, used: 0, available: 1024 ** 2 }] }),
  ListVolumes: () => ({ entries: [] }),
};

const definitions = loadSync(join(process.cwd(), 'proto/csi.proto'), { longs: Number, defaults: true, oneofs: true });
loadPackageDefinition(definitions); // builds the client classes too, as most drivers do
const server = new Server();
for (const [name, definition] of Object.entries(definitions)) {
  if (/^csi\.v1\.(Identity|Controller|Node)$/.test(name) && isService(definition))
    server.addService(definition, implementationOf(definition));
}
server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
process.once('SIGTERM', () => server.forceShutdown());

function isService(definition: object): definition is ServiceDefinition {
  return !('format' in definition); // messages and enums have one
}

function implementationOf(service: ServiceDefinition): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.keys(service).map((rpc) => {
      const answer = ANSWERS[rpc] ?? (() => ({}));
      return [
        rpc,
        (call: { request: Record<string, unknown> }, callback: (error: null, response: object) => void) =>
          callback(null, answer(call.request)),
      ];
    }),
  );
}
