import { isStowageError, StowageError } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import { GIB } from '../sizes.ts';
import { type Claim, writeClaim } from './claim.ts';
import type { DiskPool } from './context.ts';
import { ENDS_BYTES, endsOf, whyHeld, whyNotBlank } from './free.ts';

/** After each slice it is known durably how far wiping has come. */
const SLICE_BYTES = GIB;
const REPORT_INTERVAL_MS = 10_000;

/**
 * Removes everything from a disk that is free to be wiped: signatures first, so that nothing takes it for what it was, then all data.
 * Goes on where an earlier attempt ended.
 * @throws 'busy' where someone uses the disk
 */
export async function wipeDevice(
  pool: DiskPool,
  item: Item,
  claim: Claim,
  disk: Disk,
  signal: AbortSignal,
): Promise<void> {
  const held = await whyHeld(pool, disk, await pool.host.mounts.table());
  if (held !== undefined)
    throw new StowageError('busy', `disk ${disk.path} of volume ${item.id} cannot be wiped: ${held}`);
  if (disk.readOnly) await pool.host.loops.setReadOnly(disk.path, false);
  await clearSignatures(pool, disk, signal);
  if (claim.phase !== 'preparing') {
    await wipeSlices(pool, item, claim, disk, signal);
    // What is discarded may read as anything.
    await clearSignatures(pool, disk, signal);
  }
  await pool.host.files.sync(disk.path);
  const left = await whyNotBlank(pool, disk, signal);
  if (left !== undefined)
    throw new StowageError('internal', `disk ${disk.path} of volume ${item.id} was wiped, and yet ${left}`);
}

/** Zeroes both ends of the disk and erases what signatures are left between them. Each program refuses a disk that is in use. */
export async function clearSignatures(pool: DiskPool, disk: Disk, signal: AbortSignal): Promise<void> {
  const length = Math.min(ENDS_BYTES, disk.sizeBytes);
  for (const offset of endsOf(disk)) await blkdiscard(pool, disk, ['--zeroout'], offset, length, signal);
  const { commands } = pool.host;
  await commands.run('wipefs', ['--all', '--quiet', disk.path], { signal });
  // The kernel would keep the partitions of a table that is gone.
  if (disk.partitions.length > 0) await commands.run('blockdev', ['--rereadpt', disk.path], { signal });
}

async function wipeSlices(pool: DiskPool, item: Item, claim: Claim, disk: Disk, signal: AbortSignal): Promise<void> {
  const wanted = pool.settings.wipe === 'discard' && disk.canDiscard ? 'discard' : 'zero';
  let how: 'discard' | 'zero' = wanted;
  let bytes = claim.wiped?.how === wanted ? claim.wiped.bytes : 0;
  let reportedMs = Date.now();
  while (bytes < disk.sizeBytes) {
    endIfAborted(signal, `wiping ${disk.path}`);
    const length = Math.min(SLICE_BYTES, disk.sizeBytes - bytes);
    try {
      await blkdiscard(pool, disk, how === 'zero' ? ['--zeroout'] : [], bytes, length, signal);
    } catch (error) {
      if (how === 'zero' || !isUnsupported(error)) throw error;
      how = 'zero'; // the disk promises discards and refuses them: from the beginning
      bytes = 0;
      continue;
    }
    bytes += length;
    await writeClaim(pool, item, { ...claim, phase: 'wiping', wiped: { how, bytes } }, '.stowage/trash');
    if (Date.now() - reportedMs < REPORT_INTERVAL_MS) continue;
    reportedMs = Date.now();
    pool.log.info({ item: item.id, disk: disk.path, how, bytesDone: bytes, ofBytes: disk.sizeBytes }, 'wiping a disk');
  }
}

async function blkdiscard(
  pool: DiskPool,
  disk: Disk,
  how: readonly string[],
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<void> {
  const args = [...how, '--offset', String(offset), '--length', String(length), disk.path];
  await pool.host.commands.run('blkdiscard', args, { signal });
}

function isUnsupported(error: unknown): boolean {
  return isStowageError(error, 'internal') && /not supported/i.test(error.message);
}
