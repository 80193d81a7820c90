import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a pool keeps what exists; the identity beside them and the trash may stay. */
const EMPTY_FOLDERS = ['volumes', 'snapshots', 'archive'].flatMap((name) => [name, `.stowage/${name}`]);
const OTHER_EMPTY_FOLDERS = ['.stowage/groups', '.stowage/tmp'];

/** Mounts, loop devices and files that are there although csi-sanity deleted all that it made, and the driver has ended. */
export async function findLeftovers(folder: string, poolPath: string): Promise<string[]> {
  return [...(await mountsBeneath(folder, poolPath)), ...(await loopsBeneath(poolPath)), ...(await filesIn(poolPath))];
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

async function filesIn(poolPath: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of [...EMPTY_FOLDERS, ...OTHER_EMPTY_FOLDERS]) {
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
