import { execFile } from 'node:child_process';
import { readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { logicalVolumes, volumeGroupOf } from '../support/volume-groups.ts';
import { isLvm, type Place } from './place.ts';
import { crash, type Running, start } from './running.ts';
import { deleteGroup, deleteSnapshot, deleteVolume, detach, unpublish, unstage } from './verbs.ts';

/** What a scenario prepared and keeps through all faults. */
export const isBase = ({ name }: { name: string }) => name.startsWith('base');

/**
 * Deletes by RPC all but what `keeps` says, and waits until it is gone.
 * @returns the driver, started anew where that needed it
 */
export async function sweep(
  place: Place,
  running: Running,
  keeps: (record: { name: string }) => boolean,
): Promise<Running> {
  const { csi, driver } = running;
  const records = [...driver.catalog.all()];
  for (const record of records) {
    if (record.kind === 'group') await deleteGroup(csi, record.id, record.snapshotIds);
    else if (record.kind === 'snapshot' && record.groupId === undefined && !keeps(record))
      await deleteSnapshot(csi, record.id);
  }
  for (const record of records) {
    if (record.kind !== 'volume' || record.state !== 'ready' || keeps(record)) continue;
    const { id: volumeId, name, access } = record;
    const target = { work: place.work, name, kind: access === 'block' ? 'block' : 'xfs', volumeId } as const;
    await unpublish(csi, target);
    await unstage(csi, target);
    await detach(csi, volumeId, ''); // from all nodes
    await deleteVolume(csi, volumeId);
  }
  await driver.idle();
  for (const folder of ['staging', 'targets']) await removeAllBut(join(place.work, folder), keeps);
  await rm(join(place.work, 'state', 'proving'), { recursive: true, force: true });
  return withoutKept(place, running);
}

/** What `onDelete` kept is the administrator's to remove: by hand, with its record, while the driver is down. */
async function withoutKept(place: Place, running: Running): Promise<Running> {
  const kept = [...running.driver.catalog.all()].filter(
    (record) => record.kind === 'volume' && (record.state === 'retained' || record.state === 'archived'),
  );
  if (kept.length === 0) return running;
  await crash(running);
  if (place.backend === 'share') await removeFromShare(place.pool, kept);
  else for (const folder of ['volumes', 'archive']) await removeAllBut(join(place.pool, folder), isBase);
  if (isLvm(place.backend)) await removeLogicalVolumes(place.pool, kept);
  for (const { id } of kept) await rm(join(place.pool, '.stowage/volumes', `${id}.json`));
  return start(place);
}

/** A folder may be another volume's, too. */
async function removeFromShare(pool: string, kept: readonly { id: string }[]): Promise<void> {
  await removeAllBut(pool, (entry) => entry.name === '.stowage' || isBase(entry));
  const claims = join(pool, '.stowage/claims');
  for (const name of await readdir(claims)) {
    const owner = await readlink(join(claims, name));
    if (kept.some(({ id }) => id === owner)) await rm(join(claims, name));
  }
}

async function removeLogicalVolumes(pool: string, kept: readonly { id: string }[]): Promise<void> {
  const names = await logicalVolumes(pool);
  for (const name of names.filter((found) => kept.some(({ id }) => found.includes(id.slice(-16)))))
    await promisify(execFile)('lvremove', ['--yes', '-qq', `${volumeGroupOf(pool)}/${name}`]);
}

async function removeAllBut(folder: string, keeps: (entry: { name: string }) => boolean): Promise<void> {
  for (const name of await readdir(folder)) if (!keeps({ name })) await rm(join(folder, name), { recursive: true });
}
