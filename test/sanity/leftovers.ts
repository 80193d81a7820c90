import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logicalVolumes, THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';

/** Where a pool keeps data, records, the trash and what is under way. Only its identity lies elsewhere. */
const DATA_FOLDERS = ['volumes', 'snapshots', 'archive'];
const OWN_FOLDERS = ['volumes', 'snapshots', 'groups', 'trash', 'tmp', 'copies', 'claims'].map(
  (name) => `.stowage/${name}`,
);
const KNOWN = ['.stowage', 'lost+found', ...DATA_FOLDERS];
const POLL_MS = 100;

/** Mounts, loop devices and files that are there although csi-sanity deleted all that it made, and the driver has ended. */
export async function findLeftovers(folder: string, poolPath: string): Promise<string[]> {
  return [
    ...(await mountsBeneath(folder, poolPath)),
    ...(await loopsBeneath(poolPath)),
    ...(await logicalVolumesOf(poolPath)),
    ...(await filesIn(poolPath)),
  ];
}

/** Waits until the driver has emptied the trash, where it does so within `limitMs`. */
export async function trashEmptied(poolPath: string, limitMs: number): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while ((await filesIn(poolPath)).length > 0 && performance.now() < deadlineMs) await sleep(POLL_MS);
}

async function mountsBeneath(folder: string, poolPath: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '');
  return points
    .filter((point) => point.startsWith(`${folder}/`) || point.startsWith(`${poolPath}/`))
    .map((point) => `mount ${point}`);
}

async function loopsBeneath(poolPath: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    const file = (await readIfThere(join('/sys/block', name, 'loop/backing_file'))).trim();
    if (file.startsWith(`${poolPath}/`)) found.push(`loop device ${name} on ${file}`);
  }
  return found;
}

async function logicalVolumesOf(poolPath: string): Promise<string[]> {
  if (!volumeGroupOf(poolPath).startsWith('stowage-lvm-')) return [];
  const names = (await logicalVolumes(poolPath)).filter((name) => name !== THIN_POOL);
  return names.map((name) => `logical volume ${name}`);
}

async function filesIn(poolPath: string): Promise<string[]> {
  // On a share volumes lie beside our own folder.
  const found = (await readdir(poolPath)).filter((name) => !KNOWN.includes(name)).map((name) => `file ${name}`);
  for (const name of [...DATA_FOLDERS, ...OWN_FOLDERS]) {
    const entries = await readdir(join(poolPath, name)).catch(absentIsEmpty);
    found.push(...entries.map((entry) => `file ${name}/${entry}`));
  }
  return found;
}

function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error) => absentIsEmpty(error).join());
}

function absentIsEmpty(error: unknown): string[] {
  const isAbsent = typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
  if (isAbsent) return [];
  throw error;
}
