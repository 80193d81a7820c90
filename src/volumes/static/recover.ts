import { messageOf } from '../../errors.ts';
import { removeMountPoint, stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import { mountsOf } from './stage.ts';

/**
 * Forgets static volumes of which no mount is left: the node was started anew, or a process died before it mounted one. What cannot be read stays until its
 * volume is unstaged. One that fails keeps the others from nothing.
 */
export async function recoverStatics({ statics, host, log }: Context): Promise<void> {
  try {
    const records = await statics.records.load();
    const table = await host.mounts.table();
    for (const [volumeHash, record] of records) {
      if (record === 'damaged') log.error({ volume: volumeHash }, 'the record of a static volume cannot be read');
      else if (mountsOf(record, table).length === 0) {
        await removeMountPoint(host, stagedAt(record.stagingPath));
        await statics.records.remove(volumeHash);
      }
    }
  } catch (error) {
    log.error({ error: messageOf(error) }, 'records of static volumes could not be tidied; the next start tries again');
  }
}
