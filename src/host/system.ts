import { createBtrfs } from './btrfs.ts';
import { createCommands } from './command.ts';
import { createDisks } from './disks.ts';
import { createFiles } from './files.ts';
import { createFreezer } from './freeze.ts';
import type { Host } from './host.ts';
import { createLoops } from './loop.ts';
import { createMounts } from './mounts.ts';
import { createNfsExports } from './nfs-exports.ts';
import { createNfsMounts } from './nfs-mount.ts';
import { createNfsServer } from './nfs-server.ts';
import { createQuotas } from './quota.ts';

/**
 * Creates the host that is this machine. Needs root (CAP_SYS_ADMIN); nothing is opened or started before the first call.
 * @param runFolder where its short-lived private mounts lie; no two running processes may share one
 */
export function createHost(runFolder?: string): Host {
  const commands = createCommands();
  const mounts = createMounts(commands);
  return {
    commands,
    mounts,
    nfs: createNfsMounts(commands, mounts, runFolder),
    nfsServer: createNfsServer(commands),
    nfsExports: createNfsExports(commands),
    files: createFiles(commands, mounts, runFolder),
    quotas: createQuotas(),
    btrfs: createBtrfs(),
    loops: createLoops(mounts),
    disks: createDisks(),
    freezer: createFreezer(commands),
  };
}
