import type { Host } from '../host/host.ts';
import type { MountEntry, PerMountFlag } from '../host/mounts.ts';

/**
 * Binds what is staged on a pod's target path, with the flags in effect from the first moment. The target is made as a folder,
 * or as a file for a device's node.
 */
export async function publish(
  host: Host,
  source: string,
  target: string,
  kind: 'folder' | 'node',
  flags: readonly PerMountFlag[],
): Promise<void> {
  if (kind === 'folder') await host.files.makeFolders(target);
  else await host.files.touch(target);
  await host.mounts.bind(source, target, flags);
}

/** True if a mount has these flags in effect, as far as mountinfo shows them. */
export function hasFlags(mount: MountEntry, flags: readonly PerMountFlag[]): boolean {
  const isReadOnly = mount.options.includes('ro');
  return flags.includes('ro') === isReadOnly;
}

/** Undoes publish: unmounts the target and removes it. Nothing where neither is there. Never waits for what is mounted. */
export async function unpublish(host: Host, target: string): Promise<void> {
  const { entries } = await host.mounts.table();
  const stacked = entries.filter(({ mountPoint }) => mountPoint === target).length;
  for (let count = 0; count < stacked; count++) await host.mounts.detach(target);
  const left = await host.files.stat(target);
  if (left?.type === 'folder') await host.files.removeFolder(target);
  else if (left?.type === 'file' && left.sizeBytes === 0) await host.files.removeFile(target); // other files were not made here
}
