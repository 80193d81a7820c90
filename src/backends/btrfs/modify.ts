import type { Item, VolumeOptions } from '../backend.ts';
import { explainFull } from '../room.ts';
import { endIfAborted } from '../signals.ts';
import type { BtrfsPool } from './context.ts';
import { needSource } from './create.ts';

/** Sets what new files of a volume will have: on its root and all folders in it, which hand it on; see Backend.modify. */
export async function modifyVolume(
  pool: BtrfsPool,
  item: Item,
  { compression, copyOnWrite }: VolumeOptions,
  signal: AbortSignal,
): Promise<void> {
  const what = `setting the options of volume ${item.id}`;
  endIfAborted(signal, what);
  await needSource(pool, item);
  const options = {
    ...(compression === undefined ? {} : { compression }),
    ...(copyOnWrite === undefined ? {} : { copyOnWrite }),
  };
  try {
    await pool.places.at(item, (path) => pool.btrfs.setFolderOptions(path, options, signal));
  } catch (error) {
    endIfAborted(signal, what);
    throw explainFull(error, what);
  }
}
