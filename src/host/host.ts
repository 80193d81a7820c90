import type { Btrfs } from './btrfs.ts';
import type { Commands } from './command.ts';
import type { Disks } from './disks.ts';
import type { Files } from './files.ts';
import type { Freezer } from './freeze.ts';
import type { Loops } from './loop.ts';
import type { Mounts } from './mounts.ts';
import type { NfsExports } from './nfs-exports.ts';
import type { NfsMounts } from './nfs-mount.ts';
import type { NfsServer } from './nfs-server.ts';
import type { Quotas } from './quota.ts';

/**
 * The only door to the operating system. Everything is asynchronous, idempotence is stated per method, and
 * failures are thrown as Node's system errors (`code: 'ENOENT'`, `syscall`, `path`) or as StowageError.
 * Tests wrap each method to make calls fail or to kill the process at a chosen one.
 */
export interface Host {
  readonly files: Files;
  readonly mounts: Mounts;
  readonly nfs: NfsMounts;
  readonly nfsServer: NfsServer;
  readonly nfsExports: NfsExports;
  readonly loops: Loops;
  readonly disks: Disks;
  readonly quotas: Quotas;
  readonly btrfs: Btrfs;
  readonly freezer: Freezer;
  readonly commands: Commands;
}
