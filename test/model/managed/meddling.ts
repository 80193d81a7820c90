import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { exportsBeneath } from '../../lab/support-exports.ts';
import { managedStep } from './nodes.ts';
import { exportPath, type ManagedWorld } from './world.ts';

const run = promisify(execFile);
const STRANGER = '10.0.0.9';

/** A restart; and what becomes of the exports while no driver runs. */
export const MEDDLED_RESTART = managedStep(
  3,
  'restart',
  { meanwhile: fc.constantFrom('nothing', 'exports go', 'exports come', 'exports change', 'volumes are unmounted') },
  async (world, { meanwhile }) => {
    await world.at.stop();
    if (meanwhile === 'exports go') await unexportAll(world);
    if (meanwhile === 'exports come') await exportToStranger(world);
    if (meanwhile === 'exports change') await changeAll(world);
    if (meanwhile === 'volumes are unmounted') await unmountAll(world);
    await world.at.restart();
  },
);

async function unexportAll({ root }: ManagedWorld): Promise<void> {
  const table = await exportsBeneath(root);
  for (const { path, client } of table) await run('exportfs', ['-u', `${client}:${path}`]);
  await run('exportfs', ['-f']);
}

/** Everyone who has a volume may write to it, by handles that nobody was given. */
async function changeAll({ root }: ManagedWorld): Promise<void> {
  for (const [index, { path, client }] of (await exportsBeneath(root)).entries())
    await run('exportfs', ['-i', '-o', `rw,fsid=${800 + index}`, `${client}:${path}`]);
}

async function exportToStranger(world: ManagedWorld): Promise<void> {
  const attached = [...world.model.volumes.values()].filter((volume) => volume.attached.size > 0);
  for (const [index, volume] of attached.entries()) {
    await run('exportfs', ['-i', '-o', `rw,fsid=${700 + index}`, `${STRANGER}:${exportPath(world, volume)}`]);
  }
}

async function unmountAll(world: ManagedWorld): Promise<void> {
  for (const volume of world.model.volumes.values()) {
    if (volume.attached.size > 0) await run('umount', ['-l', exportPath(world, volume)]);
  }
}
