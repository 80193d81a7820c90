import { errnoOf } from '../errors.ts';
import type { Host } from '../host/host.ts';

/** Files of /proc and /sys. */
const SMALL_FILE_BYTES = 16 * 1024;

/** A file of /proc or /sys; undefined where it is not there, which on these file systems has as many names as drivers. */
export async function readSmall(host: Host, path: string): Promise<string | undefined> {
  try {
    return await host.files.read(path, SMALL_FILE_BYTES);
  } catch (error) {
    if (['ENODEV', 'ENXIO', 'EINVAL', 'EACCES', 'EIO', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** The kernel's name (loop0, sda1, dm-3) of the block device `major:minor`; undefined where it is gone. */
export async function diskName(host: Host, device: string): Promise<string | undefined> {
  const uevent = await readSmall(host, `/sys/dev/block/${device}/uevent`);
  return /^DEVNAME=(.+)$/m.exec(uevent ?? '')?.[1];
}
