import { chmod } from 'node:fs/promises';
import { errnoOf, messageOf, StowageError } from '../../../errors.ts';
import { type BigStat, openedPath, setOwner, setTimes, statOf } from './calls.ts';
import type { Job } from './job.ts';
import { type Inheritance, readXattrs, writeXattrs, type Xattrs } from './xattrs.ts';

const PERMISSION_BITS = 0o7777n;

/** What an entry has beside its content. */
export interface Attributes {
  readonly stat: BigStat;
  readonly xattrs: Xattrs | undefined; // none: a link
}

/** @param fd what is open, also with O_PATH */
export async function readAttributes(job: Job, fd: number, stat: BigStat): Promise<Attributes> {
  return { stat, xattrs: stat.isSymbolicLink() ? undefined : await readXattrs(job, openedPath(fd)) };
}

export interface WriteOptions {
  /** Makes the content durable before the times are set. */
  readonly flush?: () => Promise<void>;
  /** Where the target was made just now: what it was then (a server is asked anew after each write), and what it has from its folder. */
  readonly made?: { readonly stat: BigStat; readonly inheritance: Inheritance };
}

/** Gives the target owner, extended attributes (ACLs among them), mode, and at last the times: who has the source's is complete. */
export async function writeAttributes(
  job: Job,
  { stat, xattrs }: Attributes,
  fd: number,
  { flush, made }: WriteOptions = {},
): Promise<void> {
  const there = made?.stat ?? statOf(fd);
  if (there.uid !== stat.uid || there.gid !== stat.gid) await giveAway(fd, stat);
  if (xattrs !== undefined) {
    await writeMode(fd, there, stat);
    // An ACL may change the mode; and on some servers a mode takes the ACL away.
    const inherited = made && { ...made.inheritance, mode: stat.mode };
    if (await writeXattrs(job, xattrs, openedPath(fd), inherited)) await writeMode(fd, statOf(fd), stat);
  }
  await flush?.();
  await setTimes(fd, stat);
}

async function writeMode(fd: number, there: BigStat, { mode }: BigStat): Promise<void> {
  const wanted = mode & PERMISSION_BITS;
  if ((there.mode & PERMISSION_BITS) !== wanted) await chmod(openedPath(fd), Number(wanted));
}

async function giveAway(fd: number, { uid, gid }: BigStat): Promise<void> {
  try {
    await setOwner(fd, Number(uid), Number(gid));
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
    throw new StowageError(
      'precondition',
      `the owner ${uid}:${gid} cannot be kept (${messageOf(error)}): a server must let root give files away (no_root_squash)`,
      { cause: error },
    );
  }
}

/** True if the target is what a complete copy of the source looks like: its times come last. */
export function isComplete(source: BigStat, target: BigStat): boolean {
  return (
    source.mode === target.mode &&
    source.uid === target.uid &&
    source.gid === target.gid &&
    source.mtimeNs === target.mtimeNs &&
    source.size === target.size &&
    source.rdev === target.rdev &&
    (source.nlink > 1n || target.nlink === 1n)
  );
}
