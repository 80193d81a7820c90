import type { Host } from '../host/host.ts';
import { probeOnce } from './probe-once.ts';
import { diskName, readSmall } from './sysfs.ts';

/**
 * Says whether the file system of a pool has one journal for all that is changed in it, XFS or ext4: a change is then on its disk before any that was made after
 * it. btrfs writes some on their own, and an ext4 may have been made without a journal (the kernel's Documentation/ABI/testing/sysfs-fs-ext4, journal_task).
 * The kernel is asked once.
 */
export function createJournal(host: Host, path: string): () => Promise<boolean> {
  return probeOnce(() => hasJournal(host, path)).probe;
}

async function hasJournal(host: Host, path: string): Promise<boolean> {
  const { fsType, device } = (await host.mounts.table()).containing(path);
  if (fsType !== 'ext4') return fsType === 'xfs';
  const disk = await diskName(host, device);
  const task = disk && (await readSmall(host, `/sys/fs/ext4/${disk}/journal_task`));
  return /^\d+$/.test(task?.trim() ?? ''); // '<none>' without a journal
}
