import { StowageError } from '../../errors.ts';
import type { SizeRange } from '../../volumes/requests.ts';
import type { CapacityRange__Output as CapacityRange } from '../generated/csi/v1/CapacityRange.ts';
import { invalid } from './fields.ts';

/** A capacity_range; missing, or with zeros, it asks for nothing (csi.proto: 0 is unspecified). */
export function sizeRange(range: CapacityRange | null): SizeRange {
  if (range === null) return { requiredBytes: 0, limitBytes: undefined };
  const requiredBytes = bytes('capacity_range.required_bytes', range.requiredBytes);
  const limitBytes = bytes('capacity_range.limit_bytes', range.limitBytes);
  if (limitBytes > 0 && requiredBytes > limitBytes) {
    throw invalid('capacity_range', `wants at least ${requiredBytes} bytes (required_bytes) and at most ${limitBytes}`);
  }
  return { requiredBytes, limitBytes: limitBytes === 0 ? undefined : limitBytes };
}

/** A capacity_range that must ask for something. */
export function requiredSizeRange(range: CapacityRange | null): SizeRange {
  const size = sizeRange(range);
  if (size.requiredBytes === 0 && size.limitBytes === undefined) {
    throw invalid('capacity_range', 'is required and missing, or has neither required_bytes nor limit_bytes');
  }
  return size;
}

/** An int64, as a string, that is not negative; beyond what a JavaScript number holds exactly it is 'out-of-range'. */
function bytes(field: string, value: string): number {
  const size = Number(value);
  if (!/^-?\d+$/.test(value)) throw invalid(field, 'is not a whole number');
  if (size < 0) throw invalid(field, 'is negative');
  if (!Number.isSafeInteger(size)) {
    throw new StowageError(
      'out-of-range',
      `${field} is ${value}; at most ${Number.MAX_SAFE_INTEGER} bytes are possible`,
    );
  }
  return size;
}
