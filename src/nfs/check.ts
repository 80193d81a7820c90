import { missingPrograms } from '../backends/programs.ts';
import type { NfsConfig } from '../config/schema.ts';
import type { Host } from '../host/host.ts';

const FILE_SYSTEMS = '/proc/filesystems';
const MAX_BYTES = 64 * 1024;

/** What the NFS driver misses on this machine besides its pools, in words; `note:` begins what is no fault. See Backend.check. */
export async function checkNfs(config: NfsConfig, host: Host): Promise<string[]> {
  const known = (await host.files.read(FILE_SYSTEMS, MAX_BYTES)) ?? '';
  const isServer = config.managed !== undefined && config.role !== 'node';
  return [
    ...(await missingPrograms(host, ['mount.nfs', 'umount', 'stat', 'cp'])),
    ...(/\bnfs4?$/m.test(known)
      ? []
      : ['note: the kernel does not have NFS loaded: the first mount loads the module nfs, if there is one']),
    ...(isServer ? await missingPrograms(host, ['exportfs', 'rpc.nfsd', 'rpc.mountd', 'find']) : []),
    ...(isServer && !/\bnfsd$/m.test(known)
      ? ['note: the kernel does not have its NFS server loaded: the start loads the module nfsd, if there is one']
      : []),
  ];
}
