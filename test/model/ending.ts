import { readdir } from 'node:fs/promises';
import { mountPointsBeneath, signal } from '../support/driver.ts';
import { checkInvariants, loopFiles } from './invariants.ts';
import type { ModelSnapshot } from './model.ts';
import { create } from './volumes.ts';
import { outcome, same, type World } from './world.ts';

/** How many snapshots are restored at the end; those that came last. */
const MAX_RESTORED = 3;

/** The end of a sequence: everything has its content, also what nobody had mounted; then everything is deleted, and nothing is left. */
export async function checkEnding(world: World): Promise<void> {
  await world.at.driver.idle();
  await checkInvariants(world);
  checkExactPromises(world);
  await endUse(world);
  for (const volume of world.model.volumes.values()) await world.rules.checkUnused(world, volume);
  for (const snapshot of [...world.model.snapshots.values()].slice(-MAX_RESTORED)) await checkRestored(world, snapshot);
  await deleteAll(world);
  await world.at.driver.idle();
  await checkNothingLeft(world);
}

/** With the trash empty, what is promised is what is there. */
function checkExactPromises({ at, model, pools }: World): void {
  for (const { name } of pools) {
    const volumes = [...model.volumes.values()].filter(({ pool }) => pool === name);
    const snapshots = [...model.snapshots.values()].filter(({ pool }) => pool === name);
    const expected = [...volumes.map(({ sizeBytes }) => sizeBytes), ...snapshots.map((one) => one.reservedBytes)];
    same(
      `what pool ${name} promises`,
      at.catalog.promisedBytes(name),
      expected.reduce((sum, bytes) => sum + bytes, 0),
    );
  }
}

async function endUse({ at, model }: World): Promise<void> {
  for (const volume of model.volumes.values()) {
    for (const target of volume.targets.keys()) await outcome(at.unpublish(volume.id, target), []);
    volume.targets.clear();
    await outcome(at.unstage(volume.id), []);
    volume.staged = false;
    await outcome(at.service.detach({ volumeId: volume.id, nodeId: undefined }, signal()), []);
    volume.attached.clear();
  }
}

async function checkRestored(world: World, snapshot: ModelSnapshot): Promise<void> {
  const { id, pool, access, sizeBytes: requiredBytes } = snapshot;
  const wanted = { name: `restored-${id}`, pool, access, requiredBytes, limitBytes: undefined };
  const volume = await create(world, { ...wanted, source: { kind: 'snapshot', id } });
  if (volume !== undefined) await world.rules.checkUnused(world, volume);
}

async function deleteAll({ at: { service }, model }: World): Promise<void> {
  for (const { id, snapshotIds } of model.groups.values()) {
    await outcome(service.deleteGroup({ groupId: id, snapshotIds }, signal()), []);
  }
  for (const volumeId of model.volumes.keys()) await outcome(service.deleteVolume({ volumeId }, signal()), []);
  for (const { id, groupId } of model.snapshots.values()) {
    if (groupId === undefined) await outcome(service.deleteSnapshot({ snapshotId: id }, signal()), []);
  }
}

async function checkNothingLeft({ at, pools, rules }: World): Promise<void> {
  same('records', [...at.catalog.all()], []);
  for (const { name, outside } of pools) {
    const path = at.poolPath(name);
    same(`promises of pool ${name}`, at.catalog.promisedBytes(name), 0);
    same('loop devices', await loopFiles(path), []);
    same('mounts in the pool', await mountPointsBeneath(path), []);
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => !entry.isDirectory() && entry.name !== 'pool.json')
      .map((entry) => entry.name);
    same('files in the pool', files, []);
    same('what the pool holds elsewhere', await outside(), []);
  }
  same('mounts', await mountPointsBeneath(at.folder), rules.lastingMounts);
  for (const name of ['targets']) same(`entries of ${name}`, await readdir(`${at.folder}/${name}`), []);
}
