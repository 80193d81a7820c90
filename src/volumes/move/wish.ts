import type { Wish } from '../../backends/backend.ts';
import { StowageError } from '../../errors.ts';
import type { Context, ManagedPool } from '../context.ts';
import { itemOf, type VolumeRecord } from '../record.ts';

/** What statfs(2) calls file systems that a device can have, too. */
const FS_TYPES: Readonly<Record<string, string>> = { ext: 'ext4', xfs: 'xfs' };

/**
 * What the volume shall be in its new pool: as large, and with the same file system where that pool has it, since whoever uses the volume may
 * name it at each stage.
 * @throws 'invalid' where the pool would lose at a restart of the node what is kept now
 */
export async function wishFor(
  context: Context,
  source: ManagedPool,
  record: VolumeRecord,
  target: ManagedPool,
): Promise<Wish> {
  if (target.backend.features.volatile === true && source.backend.features.volatile !== true) {
    throw new StowageError(
      'invalid',
      `pool ${target.name} loses its volumes at each restart of the node, and pool ${source.name} keeps volume ${record.id}: choose a pool that keeps it`,
    );
  }
  const common = { requiredBytes: record.sizeBytes, limitBytes: undefined, source: undefined };
  if (record.access === 'block') return { ...common, access: { type: 'block' } };
  const fsType = await fsTypeOf(context, source, record);
  const isThere = fsType !== undefined && target.backend.features.fsTypes.includes(fsType);
  return { ...common, access: { type: 'mount', fsType: isThere ? fsType : undefined } };
}

async function fsTypeOf({ host }: Context, source: ManagedPool, record: VolumeRecord): Promise<string | undefined> {
  const { layout } = record;
  if ('content' in layout && layout.content.type === 'mount') return layout.content.fsType;
  const opened = await source.backend.opened(itemOf(record));
  return opened?.type === 'folder' ? FS_TYPES[(await host.files.statfs(opened.path)).type] : undefined;
}
