import { join } from 'node:path';
import * as z from 'zod/mini';
import { errnoOf, messageOf, StowageError } from '../../errors.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { DiskPool } from './context.ts';

/** What is ours in a file system that was mounted beforehand: the marker's folder, and beside it the volume. */
export const OWN_FOLDER = '.stowage';
export const VOLUME_FOLDER = 'volume';
export const TRASH_FOLDER = 'trash';
export const MARKER = 'disk.json';

const MAX_MARKER_BYTES = 4096;
const schema = z.object({ schema: z.literal(1), uuid: z.uuid() });

/** The UUID that we gave this file system when it was first taken; undefined where it has none. Throws 'data-loss' for a damaged one. */
export async function readMarker(pool: DiskPool, mount: MountEntry): Promise<string | undefined> {
  const key = `${mount.id} ${mount.device} ${mount.root} ${mount.mountPoint}`;
  const known = pool.markers.get(key);
  if (known !== undefined) return known;
  const uuid = await readUuid(pool, mount.mountPoint);
  if (uuid !== undefined) pool.markers.set(key, uuid);
  return uuid;
}

/** Gives the file system its UUID, durably. */
export async function writeMarker(pool: DiskPool, mountPoint: string, uuid: string): Promise<void> {
  await within(pool, mountPoint, '', (root) => pool.host.files.makeFolder(join(root, OWN_FOLDER), 0o700));
  await within(pool, mountPoint, OWN_FOLDER, (folder) =>
    pool.host.files.writeDurably(join(folder, MARKER), `${JSON.stringify({ schema: 1, uuid })}\n`),
  );
}

/** Lets `use` work in a folder of the file system, reached without following links. ENOENT where it is missing. */
export async function within<T>(
  pool: DiskPool,
  mountPoint: string,
  folder: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const handle = await pool.host.files.openFolder(mountPoint, folder);
  try {
    return await use(handle.path);
  } finally {
    await handle.close();
  }
}

async function readUuid(pool: DiskPool, mountPoint: string): Promise<string | undefined> {
  const text = await within(pool, mountPoint, OWN_FOLDER, (folder) =>
    pool.host.files.read(join(folder, MARKER), MAX_MARKER_BYTES),
  ).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text)).uuid;
  } catch (error) {
    throw new StowageError(
      'data-loss',
      `${mountPoint}/${OWN_FOLDER}/${MARKER} is damaged (${messageOf(error)}): restore it, or remove it where the file system holds no volume`,
      { cause: error },
    );
  }
}
