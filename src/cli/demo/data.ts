import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 4 * 1024 ** 2;

/** Called with the bytes done so far. */
export type OnProgress = (doneBytes: number) => void;

/**
 * Fills a file, or the start of a block device, with random bytes and fsyncs it.
 * @param flags of open(2): `wx` for a new file, `r+` for a device or an existing file
 * @returns the SHA-256 of what was written, in hex
 */
export async function writeRandom(
  path: string,
  flags: 'wx' | 'r+',
  sizeBytes: number,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, flags, 0o644);
  try {
    for (let done = 0; done < sizeBytes; ) {
      signal.throwIfAborted();
      const chunk = randomBytes(Math.min(CHUNK_BYTES, sizeBytes - done));
      hash.update(chunk);
      await file.writeFile(chunk); // at the current position, whole
      done += chunk.length;
      onProgress(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** The SHA-256, in hex, of a file or of the first `sizeBytes` of a block device. */
export async function checksum(
  path: string,
  sizeBytes: number | undefined,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  const end = sizeBytes === undefined ? {} : { end: sizeBytes - 1 };
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal, ...end })) {
    hash.update(chunk);
    done += chunk.length;
    onProgress(done);
  }
  return hash.digest('hex');
}
