import { read, write } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from '../../../errors.ts';
import { bindAsyncCall } from '../../libc.ts';
import { FICLONE, NOT_CLONABLE } from '../clone.ts';
import { ftruncate } from '../fd.ts';
import type { BigStat } from './calls.ts';
import type { Job } from './job.ts';

/** So much at a time, that a copy ends soon after its signal. */
const RANGE_BYTES = 16 * 1024 ** 2;
const BUFFER_BYTES = 1024 ** 2;
/** Zeros of this length and alignment become holes, as with cp(1). */
const HOLE_BYTES = 4096;
const STAT_BLOCK_BYTES = 512n; // stat(2)
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** copy_file_range(2), where it cannot be had. ENOTSUP is Node's name for EOPNOTSUPP. */
const NO_RANGES: ReadonlySet<string | undefined> = new Set(['ENOTSUP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ETXTBSY']);

const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, long source_fd)');
const lseek = bindAsyncCall('long lseek(int fd, long offset, int whence)');
const copyFileRange = bindAsyncCall(
  'long copy_file_range(int from, void *from_offset, int to, void *to_offset, size_t bytes, unsigned int flags)',
);
const readAt = promisify(read);
const writeAt = promisify(write);

type Count = (how: 'clonedBytes' | 'rangeBytes' | 'copiedBytes', bytes: number) => void;

interface Work {
  readonly job: Job;
  readonly source: number;
  readonly target: number;
  readonly count: Count;
}

interface Segment {
  readonly start: number;
  readonly end: number;
}

/**
 * Copies a regular file's content into an empty one: by a clone (NFS 4.2: CLONE), else by copy_file_range(2) (NFS 4.2: COPY), else by reading and writing. Holes stay holes.
 * @returns true if it was cloned, and has nothing that is still to be written
 */
export async function copyData(
  job: Job,
  source: number,
  target: number,
  stat: BigStat,
  onBytes: (bytes: number) => void,
): Promise<boolean> {
  const size = Number(stat.size);
  const count: Count = (how, bytes) => {
    job.progress[how] += bytes;
    job.progress.bytes += bytes;
    onBytes(bytes);
    job.report();
  };
  const work = { job, source, target, count };
  if (size === 0 || (await clone(work, size))) return true;
  const isSparse = stat.blocks * STAT_BLOCK_BYTES < stat.size;
  let last = 0;
  for await (const segment of isSparse ? dataOf(source, size) : [{ start: 0, end: size }]) {
    last = segment.end;
    // A file system that does not tell its holes gives one segment: they are found by reading.
    const hasHiddenHoles = isSparse && segment.start === 0 && segment.end === size;
    const copied = hasHiddenHoles ? 0 : await copyRange(work, segment);
    await copyBytes(work, { start: segment.start + copied, end: segment.end });
  }
  if (isSparse || last < size) await ftruncate(target, size);
  return false;
}

async function clone({ job, source, target, count }: Work, size: number): Promise<boolean> {
  if (!job.can.clone) return false;
  try {
    await ioctl(undefined, target, FICLONE, source);
  } catch (error) {
    if (!NOT_CLONABLE.has(errnoOf(error))) throw error;
    if (errnoOf(error) !== 'EINVAL') job.can.clone = false; // EINVAL is of these two files
    return false;
  }
  count('clonedBytes', size);
  return true;
}

/** Where the file has data: lseek(2). */
async function* dataOf(fd: number, size: number): AsyncGenerator<Segment> {
  for (let end = 0; end < size; ) {
    const start = await lseek(undefined, fd, end, SEEK_DATA).catch((error: unknown) => {
      if (errnoOf(error) === 'ENXIO') return size; // none from here on
      throw error;
    });
    if (start >= size) return;
    end = Math.min(size, await lseek(undefined, fd, start, SEEK_HOLE));
    yield { start, end };
  }
}

/** @returns how many bytes from the segment's start on were copied; fewer than all where this way cannot be had, or the file was made shorter meanwhile */
async function copyRange({ job, source, target, count }: Work, { start, end }: Segment): Promise<number> {
  let at = start;
  while (at < end && job.can.copyRange) {
    job.signal.throwIfAborted();
    const bytes = Math.min(RANGE_BYTES, end - at);
    const copied = await copyFileRange(undefined, source, offset(at), target, offset(at), bytes, 0).catch(
      (error: unknown) => {
        if (!NO_RANGES.has(errnoOf(error))) throw error;
        job.can.copyRange = false;
        return 0;
      },
    );
    if (copied === 0) break;
    at += copied;
    count('rangeBytes', copied);
  }
  return at - start;
}

async function copyBytes({ job, source, target, count }: Work, { start, end }: Segment): Promise<void> {
  if (start >= end) return;
  const buffer = Buffer.alloc(Math.min(BUFFER_BYTES, end - start));
  for (let at = start; at < end; ) {
    job.signal.throwIfAborted();
    const { bytesRead } = await readAt(source, buffer, 0, Math.min(buffer.length, end - at), at);
    if (bytesRead === 0) return; // it was made shorter meanwhile
    await writeUnlessZero(target, buffer.subarray(0, bytesRead), at);
    at += bytesRead;
    count('copiedBytes', bytesRead);
  }
}

/** Writes what lies between runs of zeros. */
async function writeUnlessZero(fd: number, bytes: Buffer, position: number): Promise<void> {
  let start = 0;
  for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
    if (!isZero(bytes.subarray(at, at + HOLE_BYTES))) continue;
    await writeAll(fd, bytes.subarray(start, at), position + start);
    start = at + HOLE_BYTES;
  }
  if (start < bytes.length) await writeAll(fd, bytes.subarray(start), position + start);
}

const ZEROS = Buffer.alloc(HOLE_BYTES);

function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROS.subarray(0, bytes.length));
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writeAt(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** A loff_t, which the call moves on: one of its own for each. */
function offset(at: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(at));
  return bytes;
}
