import { StowageError } from '../errors.ts';
import type { Wish } from './backend.ts';

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** Sizes are multiples of this: the block size of the file systems and the largest sector size of the devices. */
export const SIZE_STEP_BYTES = 4096;

/** What a volume gets where the request names no size (the CSI spec leaves it to the plugin). */
export const DEFAULT_SIZE_BYTES = GIB;

export interface SizeBounds {
  readonly leastBytes: number; // what the backend or its file system needs
  readonly sourceBytes: number; // what the source's content takes; 0 without a source
  readonly stepBytes?: number; // sizes are multiples of this; left out: of 4096
}

/** The next multiple of 4096 bytes, or of a backend's own step. */
export function roundUp(sizeBytes: number, stepBytes = SIZE_STEP_BYTES): number {
  return Math.ceil(sizeBytes / stepBytes) * stepBytes;
}

/**
 * The size of a volume for a wish: at least what is required (or the source's size, or the default, where nothing is), a
 * multiple of the step, and what the backend needs. Throws 'out-of-range' where the limit forbids that, or where the
 * wish names a size smaller than its source.
 */
export function chooseSize(wish: Wish, bounds: SizeBounds): number {
  const { requiredBytes, limitBytes = Number.MAX_SAFE_INTEGER } = wish;
  const { stepBytes = SIZE_STEP_BYTES } = bounds;
  if (requiredBytes > 0 && requiredBytes < bounds.sourceBytes) {
    throw new StowageError(
      'out-of-range',
      `${requiredBytes} bytes were asked for, but the source holds ${bounds.sourceBytes}: ask for at least as much as the source has`,
    );
  }
  const least = roundUp(Math.max(requiredBytes, bounds.sourceBytes, bounds.leastBytes, 1), stepBytes);
  if (least > limitBytes) {
    throw new StowageError(
      'out-of-range',
      `the limit of ${limitBytes} bytes is too small: this volume takes at least ${least} (sizes are multiples of ${stepBytes} bytes)`,
    );
  }
  if (requiredBytes > 0) return least;
  const most = Math.floor(limitBytes / stepBytes) * stepBytes;
  const wanted = bounds.sourceBytes > 0 ? least : Math.max(DEFAULT_SIZE_BYTES, least);
  return Math.min(wanted, most);
}
