import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createHandlers } from '../csi/driver.ts';
import type { Handlers } from '../csi/handlers.ts';
import { createCsiServer } from '../csi/server.ts';
import { StowageError } from '../errors.ts';
import { createHost } from '../host/system.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics, noMetrics, serveMetrics } from '../telemetry/metrics.ts';
import { version } from '../version.ts';
import { openDriver } from '../volumes/driver.ts';
import { nodeIdOfShares } from '../volumes/node-address.ts';
import { tryServeAdmin } from './admin.ts';
import { readNodeAddresses } from './node-address.ts';
import { readNodeId } from './node-id.ts';

export const SERVE_USAGE = `stowage serve --config FILE --endpoint SOCKET --node-id NAME [--node-address ADDRESS,...]
  serves CSI on a UNIX socket until SIGTERM; mounts stay
  --endpoint   /csi/csi.sock or unix:///csi/csi.sock  (or CSI_ENDPOINT)
  --node-id    this node's name, at most 192 bytes    (or NODE_ID)
  --node-address   of the NFS driver: from where this node mounts, by default over its default route    (or NODE_ADDRESS)`;

/** SIGTERM to exit takes at most 5 s: what runs gets this long to end by itself, then its signal is aborted. */
const STOP_GRACE_MS = 3_000;
const EXIT_MS = 4_800;

/** `stowage serve`: settles at SIGTERM or SIGINT, when everything has stopped. */
export async function serve(args: readonly string[]): Promise<void> {
  // Half the memory after a burst of calls, for some of V8's speed: what the driver waits for is the disk.
  setFlagsFromString('--optimize-for-size');
  process.umask(0); // modes are exact; a crash between mkdir and chmod leaves no other
  const options = readOptions(args);
  const config = await loadConfig(options.config);
  const nodeId =
    config.driver === 'nfs'
      ? nodeIdOfShares(options.nodeId, await readNodeAddresses(options.nodeAddress))
      : options.nodeId;
  const log = createLog(config.logLevel);
  const metrics = config.metricsAddress === undefined ? undefined : await createMetrics();
  const driver = await openDriver({
    config,
    nodeId,
    host: createHost(join(config.stateDir, 'run')),
    log,
    metrics: metrics ?? noMetrics,
  });
  metrics?.watch(driver.sample);
  const server = await createCsiServer({
    endpoint: options.endpoint,
    handlers: handlersOf(createHandlers({ name: config.name, version }, driver.service), config),
    log,
    metrics: metrics ?? noMetrics,
    deadlineMs: config.callTimeoutMs,
  });
  const metricsServer =
    metrics === undefined || config.metricsAddress === undefined
      ? undefined
      : await serveMetrics(config.metricsAddress, metrics);
  const admin = await tryServeAdmin({ stateDir: config.stateDir, driver, log });
  log.info({ socket: server.path, node: nodeId, driver: config.name, version }, 'serving');

  const name = await stopSignal();
  log.info({ signal: name }, 'stopping');
  // What cannot be ended in time is recovered by the next start.
  setTimeout(() => process.exit(0), EXIT_MS).unref();
  await Promise.all([server.stop(STOP_GRACE_MS), admin.stop()]);
  await driver.stop();
  await metricsServer?.close();
}

/** Those that the role serves; the others answer UNIMPLEMENTED. */
function handlersOf({ identity, controller, groupController, node }: Handlers, config: Config): Partial<Handlers> {
  const role = config.driver === 'nfs' ? config.role : 'all';
  return {
    identity,
    ...(role === 'node' ? {} : { controller, groupController }),
    ...(role === 'controller' ? {} : { node }),
  };
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      endpoint: { type: 'string' },
      'node-id': { type: 'string' },
      'node-address': { type: 'string' },
    },
  });
  const nodeId = readNodeId(values['node-id'], SERVE_USAGE);
  return {
    config: needed(values.config, '--config'),
    endpoint: needed(values.endpoint ?? process.env.CSI_ENDPOINT, '--endpoint or CSI_ENDPOINT'),
    nodeId,
    nodeAddress: values['node-address'],
  };
}

function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new StowageError('invalid', `${name} is missing\n${SERVE_USAGE}`);
  return value;
}
