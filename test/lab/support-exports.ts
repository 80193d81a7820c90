import type { ListedExport } from '../../src/host/nfs-exports.ts';
import { createHost } from '../../src/host/system.ts';
import { labServers, nfsUp } from './support-nfs.ts';

const { nfsExports } = createHost();

/** What the guest's own server exports beneath a folder. (The kernel's own list has what it has forgotten for some seconds more.) */
export async function exportsBeneath(root: string): Promise<ListedExport[]> {
  return (await nfsExports.list()).filter(({ path }) => path.startsWith(`${root}/`));
}

/** Takes the exports of the guest's own server away, so that a driver of this machine may have its root. @returns what brings them back, without the driver's */
export async function takeServer(): Promise<() => Promise<void>> {
  const { healthy } = await labServers();
  await nfsUp('exportfs -ua && exportfs -f');
  return async () => {
    await nfsUp(`exportfs -ua && nfs_root ${healthy.folder} && exportfs -f`);
  };
}
