import { services } from '../../csi/services.ts';
import type { Cleanup } from './cleanup.ts';
import { type DriverProcess, startDriver, waitUntilReady } from './driver.ts';
import { formatBytes } from './format.ts';
import { describeFile, describeMount } from './kernel.ts';
import type { DemoOptions } from './options.ts';
import { makePlace, type Place, POOL_NAME, planVolumes, writeConfig } from './place.ts';
import { makeEmbeddedPool } from './pool.ts';
import type { Runner } from './runner.ts';
import type { Walk } from './walk.ts';

const POOL_BYTES = 4 * 1024 ** 3;
const READY_TIMEOUT_MS = 30_000;

/** What has been made so far; filled while it is made, so that it is known also where making fails. */
export interface Running {
  place?: Place;
  driver?: DriverProcess;
}

/** The first two steps: a pool, and a driver that serves it. Gives what the other steps share. */
export async function setUp(
  { host, screen, signal, command }: DemoOptions,
  temporaryFolder: string,
  runner: Runner,
  cleanup: Cleanup,
  running: Running,
): Promise<Walk> {
  const { place, pool } = await runner.run('Make a pool: XFS on a sparse file', async () => {
    const made = await makePlace(temporaryFolder, host, cleanup);
    running.place = made;
    const embedded = await makeEmbeddedPool(host, made.folder, POOL_BYTES, cleanup, signal);
    screen.fact('file', await describeFile(host, embedded.imageFile));
    screen.fact('losetup', `${embedded.device} ${embedded.imageFile}`);
    screen.fact('mountinfo', await describeMount(host, embedded.path));
    return { place: made, pool: embedded };
  });
  const { client, nodeId } = await runner.run('Start the driver', async () => {
    await writeConfig(place, pool.path);
    const [program, ...before] = command;
    const args = [...before, 'serve', '--config', place.configFile, '--endpoint', `unix://${place.socketPath}`];
    const driver = await startDriver(program, [...args, '--node-id', 'demo-node'], place.logFile);
    running.driver = driver;
    cleanup.add(`driver process ${driver.pid}`, () => driver.stop());
    const connected = await waitUntilReady(driver, place.socketPath, place.logFile, READY_TIMEOUT_MS, signal);
    cleanup.add('connection to the driver', async () => connected.close());
    const node = await connected.call(services.node.NodeGetInfo, {}, { signal });
    screen.fact('process', `${driver.pid}, socket ${place.socketPath}`);
    screen.fact('config', `${place.configFile}: pool ${POOL_NAME}, backend image, ${formatBytes(POOL_BYTES)}`);
    return { client: connected, nodeId: node.nodeId };
  });
  return {
    host,
    screen,
    signal,
    client,
    nodeId,
    pool,
    poolName: POOL_NAME,
    kubeletFolder: place.kubeletFolder,
    volumes: planVolumes(place),
    made: new Map(),
    snapshots: new Map(),
    checksums: new Map(),
  };
}
