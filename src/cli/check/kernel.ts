import type { PoolConfig } from '../../config/schema.ts';
import { type Finding, NOTE } from './finding.ts';

/** What a kernel has from which version on (the manual pages of section 2 say so), and for what it is needed. */
const OPENAT2 = [5, 6] as const;
const MOUNT_SETATTR = [5, 12] as const;
const QUOTACTL_FD = [5, 14] as const;

const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;

/** @param release as uname -r gives it: `6.18.44-amd64` */
export function checkKernel(release: string, pools: readonly PoolConfig[]): Finding {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const isOlder = ([needed, least]: readonly [number, number]) => major < needed || (major === needed && minor < least);
  const quotas = pools.filter((pool) => pool.backend === 'directory' && pool.quota === 'enforced');
  const remarks: string[] = [];
  if (isOlder(OPENAT2)) remarks.push('Linux 5.6 or later is needed (openat2): install a newer kernel');
  if (isOlder(QUOTACTL_FD) && quotas.length > 0)
    remarks.push(
      `project quotas need Linux 5.14 or later: a newer kernel, or another backend for ${quotas.map(({ name }) => name).join(', ')}`,
    );
  if (isOlder(MOUNT_SETATTR))
    remarks.push(
      `${NOTE} before Linux 5.12 a read-only mount is writable for a moment: a newer kernel does it at once`,
    );
  return { what: 'kernel', found: release, remarks };
}

/** @param status the text of /proc/self/status (proc_pid_status(5)) */
export function checkPrivileges(status: string, pools: readonly PoolConfig[]): Finding {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? '?';
  const has = (capability: number) => ((effective >> BigInt(capability)) & 1n) === 1n;
  const remarks: string[] = [];
  if (uid !== '0') remarks.push('the driver must be root: run it, and this command, as root');
  if (!has(CAP_SYS_ADMIN)) remarks.push('CAP_SYS_ADMIN is missing, so nothing can be mounted: run it privileged');
  else if (!has(CAP_SYS_RESOURCE) && pools.some(({ backend }) => backend === 'image' || backend === 'lvm'))
    remarks.push(
      `${NOTE} CAP_SYS_RESOURCE is missing, so mounted ext4 volumes cannot grow: run it privileged for that`,
    );
  return { what: 'privileges', found: `uid ${uid}`, remarks };
}
