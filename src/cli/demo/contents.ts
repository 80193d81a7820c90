import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checksum, writeRandom } from './data.ts';
import { formatBytes } from './format.ts';
import type { DemoVolume, Walk } from './walk.ts';

/** What the walk writes into a volume: one large file, and small ones in folders. */
export const CONTENTS = [
  { path: 'database.bin', sizeBytes: 256 * 1024 ** 2 },
  { path: 'notes/today.bin', sizeBytes: 3_000 },
  { path: 'notes/archive/2025.bin', sizeBytes: 70_000 },
] as const;

const [LARGE, SMALL] = CONTENTS;

/** Writes CONTENTS with random bytes into the published volume and remembers each file's checksum in the walk. */
export async function writeContents(walk: Walk, volume: DemoVolume): Promise<void> {
  for (const { path, sizeBytes } of CONTENTS) {
    const file = join(volume.targetPath, path);
    await mkdir(dirname(file), { recursive: true });
    const progress = walk.screen.progress(`writing ${path}`, sizeBytes);
    try {
      const sum = await writeRandom(file, 'wx', sizeBytes, walk.signal, progress.at);
      walk.checksums.set(path, sum);
      progress.end();
      walk.screen.fact('sha256', `${sum.slice(0, 16)}…  ${path} (${formatBytes(sizeBytes)})`);
    } finally {
      progress.end();
    }
  }
}

/** Spoils the volume: zeroes over the start of the large file, deletes a small one, writes a stray one. */
export async function damageContents(volume: DemoVolume): Promise<void> {
  const large = await open(join(volume.targetPath, LARGE.path), 'r+');
  try {
    await large.write(Buffer.alloc(1024 ** 2), 0, 1024 ** 2, 0);
    await large.sync();
  } finally {
    await large.close();
  }
  await rm(join(volume.targetPath, SMALL.path));
  await writeFile(join(volume.targetPath, 'stray.txt'), 'written after the snapshot\n');
}

/** Reads CONTENTS from the published volume and throws where a byte differs from what was written. */
export async function verifyContents(walk: Walk, volume: DemoVolume): Promise<void> {
  const differing = await differingContents(walk, volume);
  if (differing.length > 0)
    throw new Error(`volume ${volume.name} differs from what was written: ${differing.join(', ')}`);
  walk.screen.fact('sha256', `all ${CONTENTS.length} files of ${volume.name} are what was written`);
}

/** The files of CONTENTS that are missing or not what was written. */
export async function differingContents(walk: Walk, volume: DemoVolume): Promise<string[]> {
  const differing: string[] = [];
  for (const { path, sizeBytes } of CONTENTS) {
    const file = join(volume.targetPath, path);
    const progress = walk.screen.progress(`reading ${path}`, sizeBytes);
    try {
      const missing = (await walk.host.files.stat(file)) === undefined;
      if (missing) differing.push(`${path} (missing)`);
      else if ((await checksum(file, undefined, walk.signal, progress.at)) !== walk.checksums.get(path))
        differing.push(`${path} (other contents)`);
    } finally {
      progress.end();
    }
  }
  return differing;
}
