import { StowageError } from '../../errors.ts';
import type { LoopDevice } from '../../host/loop.ts';
import type { Item, Opened } from '../backend.ts';
import { mountOptions } from '../block/mounted.ts';
import { type ImageLayout, imageLayout } from '../layout.ts';
import { findAttached } from './attached.ts';
import type { ImagePool } from './context.ts';
import { requireImage } from './create.ts';

/** Attaches the file to a loop device; one that has it is kept. 'data-loss' where the file is missing. */
export async function openImage(pool: ImagePool, item: Item): Promise<Opened> {
  const layout = imageLayout(item);
  await requireImage(pool, item);
  const options = { blockSizeBytes: layout.blockSizeBytes, readOnly: false };
  const device = await pool.places.at(item, (path) => pool.host.loops.attach(path, options));
  return describe(layout, device);
}

/** What openImage gave, if the file is attached now. */
export async function openedImage(pool: ImagePool, item: Item): Promise<Opened | undefined> {
  const layout = imageLayout(item);
  const device = await pool.places.at(item, (path) => pool.host.loops.find(path));
  return device === undefined ? undefined : describe(layout, device);
}

/** Detaches the file; 'busy' where it is mounted, since the kernel would let go of it behind the mount's back later. */
export async function closeImage(pool: ImagePool, item: Item): Promise<void> {
  const attached = await findAttached(pool, item);
  if (attached === undefined) return;
  const mount = attached.mounts[0];
  if (mount !== undefined) {
    throw new StowageError(
      'busy',
      `volume ${item.id} is still mounted at ${mount.mountPoint}: unpublish and unstage it`,
    );
  }
  // The flag would outlive the file, and make the device of whoever takes that number next read-only.
  const { loops } = pool.host;
  if (await loops.isReadOnly(attached.device.path)) await loops.setReadOnly(attached.device.path, false);
  await pool.places.at(item, (path) => loops.detach(path));
}

function describe({ content, preallocated }: ImageLayout, device: LoopDevice): Opened {
  const fsType = content.type === 'block' ? undefined : content.fsType;
  return { type: 'device', path: device.path, fsType, mountOptions: mountOptions(content, { discard: !preallocated }) };
}
