import { errnoOf } from '../../../errors.ts';
import { bindAsyncCall } from '../../libc.ts';
import { withZero } from './calls.ts';
import type { Job } from './job.ts';

/** Extended attributes, ACLs among them, by name: xattr(7). */
export type Xattrs = ReadonlyMap<string, Buffer>;

const MAX_BYTES = 65_536; // XATTR_LIST_MAX, XATTR_SIZE_MAX

const NFS4_ACL = 'system.nfs4_acl';
const DEFAULT_ACL = 'system.posix_acl_default';
/** Other forms of system.nfs4_acl. */
const SAME_AGAIN: ReadonlySet<string> = new Set(['system.nfs4_dacl', 'system.nfs4_sacl']);

/** What a new entry may have got from its folder's default ACL, or an earlier copy may have left. */
const REMOVABLE = /^(?:user|trusted)\.|^system\.posix_acl_/;

const listxattr = bindAsyncCall('long listxattr(const char *path, void *names, size_t bytes)');
const getxattr = bindAsyncCall('long getxattr(const char *path, const void *name, void *value, size_t bytes)');
const setxattr = bindAsyncCall(
  'int setxattr(const char *path, const void *name, const void *value, size_t bytes, int flags)',
);
const removexattr = bindAsyncCall('int removexattr(const char *path, const void *name)');

/** None where the file system has no extended attributes. */
export async function readXattrs(job: Job, path: string): Promise<Xattrs> {
  const found = new Map<string, Buffer>();
  for (const name of await namesOf(job, path)) {
    const value = await xattrOf(path, name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

/** What new entries of one folder get from it. */
export interface Inheritance {
  readonly isAny: boolean; // of POSIX ACLs
  /** The NFS 4 ACLs of new entries, by their mode: the same for each. */
  readonly nfs4Acls: Map<bigint, Promise<Buffer | undefined>>;
}

export async function readInheritance(job: Job, folderPath: string): Promise<Inheritance> {
  return { isAny: (await namesOf(job, folderPath)).includes(DEFAULT_ACL), nfs4Acls: new Map() };
}

/**
 * Makes the path's attributes these. Only what differs is set: servers make an ACL of every mode.
 * @param made what it has from its folder, where it was made just now with that mode
 * @returns true if anything was set
 */
export async function writeXattrs(
  job: Job,
  wanted: Xattrs,
  path: string,
  made?: Inheritance & { readonly mode: bigint },
): Promise<boolean> {
  let isChanged = false;
  for (const name of made === undefined || made.isAny ? await namesOf(job, path) : []) {
    if (wanted.has(name) || !REMOVABLE.test(name)) continue;
    await remove(path, name);
    isChanged = true;
  }
  for (const [name, value] of wanted) {
    const there = name === NFS4_ACL && made !== undefined ? await aclOfNew(path, made) : await xattrOf(path, name);
    if (there?.equals(value) === true) continue;
    await setxattr(undefined, path, withZero(name), value, value.length, 0);
    isChanged = true;
  }
  return isChanged;
}

async function namesOf(job: Job, path: string): Promise<string[]> {
  if (!job.can.xattrs) return [];
  const names = Buffer.allocUnsafe(MAX_BYTES);
  const bytes = await listxattr(undefined, path, names, names.length).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOTSUP') throw error;
    job.can.xattrs = false;
    return 0;
  });
  const all = names.toString('latin1', 0, bytes).split('\0').slice(0, -1);
  return all.filter((name) => !SAME_AGAIN.has(name));
}

/** The first one is asked, also while others are copied beside it. */
function aclOfNew(path: string, { nfs4Acls, mode }: Inheritance & { readonly mode: bigint }) {
  const known = nfs4Acls.get(mode);
  if (known !== undefined) return known;
  const asked = xattrOf(path, NFS4_ACL);
  nfs4Acls.set(mode, asked);
  return asked;
}

/** Nothing where it is missing: on XFS an ACL has two names. */
async function remove(path: string, name: string): Promise<void> {
  try {
    await removexattr(undefined, path, withZero(name));
  } catch (error) {
    if (errnoOf(error) !== 'ENODATA') throw error;
  }
}

/** undefined where it has none of that name. */
async function xattrOf(path: string, name: string): Promise<Buffer | undefined> {
  const value = Buffer.allocUnsafe(MAX_BYTES);
  const bytes = await getxattr(undefined, path, withZero(name), value, value.length).catch((error: unknown) => {
    if (errnoOf(error) === 'ENODATA') return undefined;
    throw error;
  });
  return bytes === undefined ? undefined : Buffer.from(value.subarray(0, bytes));
}
