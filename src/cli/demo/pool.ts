import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { Cleanup } from './cleanup.ts';
import { loopsBeneath, mountsBeneath } from './kernel.ts';

/** A pool on a file system of its own: a sparse file on a loop device. */
export interface EmbeddedPool {
  readonly imageFile: string;
  readonly path: string; // where it is mounted
  readonly device: string; // /dev/loop3
}

/** More than the driver needs to detach what it has open. */
const UNDO_TIMEOUT_MS = 30_000;

/**
 * Makes an XFS with reflink (mkfs.xfs(8), -m reflink=1) of `sizeBytes` on a sparse file in `folder` and mounts it at `folder/pool`.
 * `cleanup` learns how to undo each part, volumes' mounts and loop devices left beneath `folder` included.
 * Throws StowageError where a program fails, system errors where the kernel refuses.
 */
export async function makeEmbeddedPool(
  host: Host,
  folder: string,
  sizeBytes: number,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<EmbeddedPool> {
  const imageFile = join(folder, 'pool.img');
  const path = join(folder, 'pool');
  await host.files.createSparse(imageFile, sizeBytes);
  await host.commands.run('mkfs.xfs', ['-q', '-f', '-m', 'reflink=1', imageFile], { signal });
  cleanup.add(`loop device of ${imageFile}`, () => host.loops.detach(imageFile));
  const { path: device } = await host.loops.attach(imageFile, { blockSizeBytes: 512, readOnly: false });
  await host.files.makeFolder(path, 0o755);
  cleanup.add(`mount ${path}`, () => host.mounts.unmountDevice(path, AbortSignal.timeout(UNDO_TIMEOUT_MS)));
  await host.mounts.mountDevice(device, path, 'xfs', [], signal);
  cleanup.add(`mounts and loop devices beneath ${folder}`, () => releaseVolumes(host, folder, path, imageFile));
  return { imageFile, path, device };
}

/** Unmounts volumes that were left beneath the folder, last mounted first, and detaches their loop devices. The pool itself stays. */
async function releaseVolumes(host: Host, folder: string, poolPath: string, poolImage: string): Promise<void> {
  const mounts = await mountsBeneath(host, folder);
  for (const { mountPoint } of mounts.filter((mount) => mount.mountPoint !== poolPath).reverse())
    await host.mounts.detach(mountPoint);
  for (const loop of await loopsBeneath(host, folder)) {
    // By device: a file that is deleted already cannot be found by its path.
    if (loop.backingFile !== poolImage)
      await host.commands.run('losetup', ['-d', loop.path], { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) });
  }
}
