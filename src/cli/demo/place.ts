import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Host } from '../../host/host.ts';
import type { Cleanup } from './cleanup.ts';
import { loopsBeneath, mountsBeneath } from './kernel.ts';
import type { DemoVolume } from './walk.ts';

/** The demonstration's working folder and what lies where in it. */
export interface Place {
  readonly folder: string;
  readonly configFile: string;
  readonly stateFolder: string;
  readonly socketPath: string;
  readonly logFile: string;
  readonly kubeletFolder: string; // staging and target paths
}

export const POOL_NAME = 'demo';

const GIB = 1024 ** 3;

/** Makes a working folder of its own in `temporaryFolder`, readable by root only. */
export async function makePlace(temporaryFolder: string, host: Host, cleanup: Cleanup): Promise<Place> {
  const folder = await mkdtemp(join(temporaryFolder, 'stowage-demo-'));
  cleanup.add(`folder ${folder}`, () => host.files.removeTree(folder, AbortSignal.timeout(30_000)));
  return {
    folder,
    configFile: join(folder, 'config.yaml'),
    stateFolder: join(folder, 'state'),
    socketPath: join(folder, 'csi.sock'),
    logFile: join(folder, 'driver.log'),
    kubeletFolder: join(folder, 'kubelet'),
  };
}

/** Writes the driver's configuration: one image pool. Promises may be twice the pool: its volumes are thin. */
export async function writeConfig(place: Place, poolPath: string): Promise<void> {
  const pool = { name: POOL_NAME, backend: 'image', path: poolPath, overcommit: 2, requireMount: true };
  await writeFile(place.configFile, stringify({ driver: 'local', stateDir: place.stateFolder, pools: [pool] }));
}

/** The walk's volumes. */
export function planVolumes(place: Place) {
  const volume = (name: string, sizeBytes: number, access: DemoVolume['access']): DemoVolume => ({
    name: `demo-${name}`,
    sizeBytes,
    access,
    stagingPath: join(place.kubeletFolder, 'staging', name),
    targetPath: join(place.kubeletFolder, 'pods', name, 'volume'),
  });
  return {
    data: volume('data', GIB, 'mount'),
    restored: volume('restored', GIB, 'mount'),
    clone: volume('clone', GIB, 'mount'),
    disk: volume('disk', GIB / 4, 'block'),
  };
}

/** What is left of the demonstration, found by looking, in words; empty where nothing is. */
export async function leftovers(host: Host, folder: string, driverPid: number | undefined): Promise<string[]> {
  const mounts = (await mountsBeneath(host, folder)).map(({ mountPoint }) => `mount ${mountPoint}`);
  const loops = (await loopsBeneath(host, folder)).map(
    ({ path, backingFile }) => `loop device ${path} of ${backingFile}`,
  );
  const files = (await host.files.stat(folder)) === undefined ? [] : [`folder ${folder}`];
  const process = driverPid !== undefined && (await isOurDriver(driverPid, folder)) ? [`process ${driverPid}`] : [];
  return [...process, ...mounts, ...loops, ...files];
}

/** True if that process runs and its arguments name the folder: a process id alone may have been given to another. */
async function isOurDriver(pid: number, folder: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(folder);
}
