import type { VolumeOptions } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { ManagedPool } from './context.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { MutableParameters } from './requests.ts';

/** The options among the parameters; undefined where none is named. */
export function optionsOf({ compression, copyOnWrite }: MutableParameters): VolumeOptions | undefined {
  if (compression === undefined && copyOnWrite === undefined) return undefined;
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(copyOnWrite === undefined ? {} : { copyOnWrite }),
  };
}

/**
 * What a volume's options are after a change, which is only checked here.
 * @throws 'invalid' naming an option that the pool's backend does not have, or two that exclude one another
 */
export function mergeOptions(pool: ManagedPool, now: VolumeOptions | undefined, change: VolumeOptions): VolumeOptions {
  const known: readonly string[] = pool.backend.features.options ?? [];
  for (const [name] of Object.entries(change)) {
    if (known.includes(name)) continue;
    const all = known.length === 0 ? 'none' : known.join(', ');
    throw new StowageError(
      'invalid',
      `${name} cannot be set in pool ${pool.name} (${pool.config.backend}); besides onDelete, what can be set there is: ${all}`,
    );
  }
  const merged = { ...now, ...change };
  if (merged.copyOnWrite === false && (merged.compression ?? 'none') !== 'none') {
    throw new StowageError(
      'invalid',
      `compression ${merged.compression} and copyOnWrite false exclude one another: files that are written in place are not compressed; set compression to none, or copyOnWrite to true`,
    );
  }
  return merged;
}

/** Sets the options that a record names, before or after it is ready; nothing where it names none. */
export async function applyOptions(
  pool: ManagedPool,
  record: VolumeRecord,
  options: VolumeOptions | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (options === undefined) return;
  await pool.backend.modify?.(itemOf(record), options, signal);
}
