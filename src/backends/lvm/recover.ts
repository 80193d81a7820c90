import { basename } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import type { LvmPool } from './context.ts';
import { deviceMapperName } from './devices.ts';
import { isTemporaryName, lvNames } from './names.ts';
import type { LogicalVolume } from './report.ts';
import { isOfPool } from './strays.ts';

/**
 * Undoes what a dead process left, see Backend.recover: resumes and thaws our volumes, removes half-made ones, deactivates those that no record
 * names and nobody uses. Those stay: a record may only be unreadable. Frozen file systems are thawed without asking who froze them, which the kernel does not tell.
 */
export async function recoverVolumes(pool: LvmPool, items: readonly Item[], signal: AbortSignal): Promise<void> {
  const { own } = await pool.group.settledReport(signal);
  const ours = [...own.values()].filter((volume) => isOfPool(pool, volume));
  for (const volume of ours) {
    if (volume.isSuspended) await attempt(pool, volume, () => resume(pool, volume, signal));
    if (volume.isActive) await attempt(pool, volume, () => thaw(pool, volume));
  }
  const known = new Set(items.flatMap((item) => [lvNames(item).live, lvNames(item).trash]));
  for (const volume of ours.filter(({ name }) => !known.has(name))) {
    if (isTemporaryName(volume.name)) await attempt(pool, volume, () => remove(pool, volume, signal));
    else if (volume.isActive && !volume.isOpen) await attempt(pool, volume, () => release(pool, volume, signal));
  }
  await pool.places.emptyTemporary(signal);
}

async function resume(pool: LvmPool, volume: LogicalVolume, signal: AbortSignal): Promise<void> {
  const name = deviceMapperName(pool.settings.volumeGroup, volume.name);
  await pool.host.commands.run('dmsetup', ['resume', name], { signal });
}

async function thaw(pool: LvmPool, volume: LogicalVolume): Promise<void> {
  const device = await pool.devices.find(volume.name);
  const [mount] = device === undefined ? [] : await pool.devices.mounts(device);
  if (mount !== undefined) await pool.host.freezer.thaw(mount.mountPoint);
}

async function remove(pool: LvmPool, { name }: LogicalVolume, signal: AbortSignal): Promise<void> {
  const path = `${pool.settings.volumeGroup}/${name}`;
  await pool.group.change('lvremove', ['--force', path], `removing ${name}, half made`, signal);
}

/** A raw block volume that is staged has its node bound somewhere: its record may be there and only not be readable. */
async function release(pool: LvmPool, { name }: LogicalVolume, signal: AbortSignal): Promise<void> {
  const device = await pool.devices.find(name);
  if (device === undefined) return;
  const { entries } = await pool.host.mounts.table();
  if (entries.some(({ root }) => root === `/${basename(device.path)}`)) return;
  pool.log.warn({ pool: pool.settings.name, logicalVolume: name }, 'deactivating a logical volume that no volume has');
  await pool.group.change('lvchange', ['-an', `${pool.settings.volumeGroup}/${name}`], `releasing ${name}`, signal);
}

/** One that cannot be helped does not keep the others from it. */
async function attempt(pool: LvmPool, { name }: LogicalVolume, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    pool.log.error(
      { pool: pool.settings.name, logicalVolume: name, error: messageOf(error) },
      'a logical volume could not be recovered; the next start tries again',
    );
  }
}
