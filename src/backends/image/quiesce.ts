import { isStowageError, messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { imageLayout } from '../layout.ts';
import { findAttached } from './attached.ts';
import type { ImagePool } from './context.ts';

/** A source at rest: its file holds all that was written, and `release` lets its writers go on. */
export interface Quiet {
  /** What holds writers off: a frozen file system, nothing being in use, or nothing (a raw block device in use). */
  readonly by: 'freeze' | 'idle' | 'none';
  readonly release: () => Promise<void>;
}

/**
 * Brings everything that was written to the item into its file. A mounted file system is frozen until release; a raw
 * block device in use cannot be held, so its content is as after a power cut at the moment of the clone.
 */
export async function quiesce(pool: ImagePool, item: Item, signal: AbortSignal): Promise<Quiet> {
  const { files, freezer } = pool.host;
  const attached = await findAttached(pool, item);
  if (attached === undefined) return { by: 'idle', release: async () => undefined };
  const mountPoint = attached.mounts[0]?.mountPoint;
  const release = async () => {
    if (mountPoint !== undefined) await freezer.thaw(mountPoint);
  };
  try {
    if (mountPoint !== undefined) await freezer.freeze(mountPoint, signal);
    await files.sync(attached.device.path);
    await pool.places.at(item, files.sync);
  } catch (error) {
    // Also where freezing failed: it may have been killed just after it was done. Not what another one has frozen.
    if (!isStowageError(error, 'busy')) await release();
    throw error;
  }
  const idle = imageLayout(item).content.type === 'mount'; // attached, and nothing mounted from it
  return { by: mountPoint !== undefined ? 'freeze' : idle ? 'idle' : 'none', release };
}

/** Thaws all, whatever the request's signal says. One that cannot be thawed keeps no other from it, and is logged: the next start tries again. */
export async function releaseAll(pool: ImagePool, quiets: readonly Quiet[]): Promise<void> {
  const results = await Promise.allSettled(quiets.map((quiet) => quiet.release()));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  for (const failure of failures) {
    pool.log.error({ pool: pool.settings.name, error: messageOf(failure) }, 'a frozen file system could not be thawed');
  }
}
