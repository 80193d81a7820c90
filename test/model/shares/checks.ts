import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountTable } from '../../../src/host/mountinfo.ts';
import { stagedAt } from '../../../src/staging/stage.ts';
import type { AnyRecord } from '../../../src/volumes/record.ts';
import { shareName } from '../../../src/volumes/shares.ts';
import { mount, mountPointsBeneath, signal } from '../../support/driver.ts';
import { same } from '../world.ts';
import { removeGroup } from './groups.ts';
import { isInDoubt } from './model.ts';
import { checkContent, detach, mayLook, publish, stage, stagingPath, targetPath, unpublish, unstage } from './nodes.ts';
import { create, remove, removeSnapshot } from './volumes.ts';
import { type ModelServer, restart, resume, type ShareWorld } from './world.ts';

const MAX_RESTORED = 2;

/** What must hold after every step. */
export async function checkShareInvariants(world: ShareWorld): Promise<void> {
  for (const server of world.servers) if (server.isKnown) checkRecords(world, server);
  await checkMounts(world);
  for (const volume of world.model.volumes.values()) {
    if (!mayLook(world.model, volume)) continue;
    for (const target of volume.targets.keys()) await checkContent(world, volume, target);
  }
}

/** What was answered is there, ready, and nothing else that nobody asked for. */
function checkRecords({ driver, model }: ShareWorld, server: ModelServer): void {
  const isDoubtful = (record: AnyRecord) => isInDoubt(model, record.name) || isInDoubt(model, groupOf(record));
  const live = [...driver.catalog.all(shareName(server.source))].filter(
    (record) => !['deleting', 'retained', 'archived'].includes(record.state) && !isDoubtful(record),
  );
  function groupOf(record: AnyRecord): string {
    const groupId = record.kind === 'snapshot' ? record.groupId : undefined;
    if (groupId === undefined) return record.name;
    const known = [...model.groups.values()].find(({ id }) => id === groupId);
    return driver.catalog.group(groupId)?.name ?? known?.name ?? record.name;
  }
  const sure = <Item extends { name: string; server: ModelServer }>(all: ReadonlyMap<string, Item>) =>
    [...all.values()].filter((item) => item.server === server && !isInDoubt(model, item.name));
  same(
    `records of ${server.source.server}`,
    live
      .map((record) => {
        const nodes = record.kind === 'volume' ? `, attached to ${record.attached.length}` : '';
        const bytes = record.kind === 'group' ? 0 : record.sizeBytes;
        return `${record.kind} ${record.name} ${record.id} ${record.state}, ${bytes} bytes${nodes}`;
      })
      .sort(),
    [
      ...sure(model.volumes).map(
        ({ name, id, sizeBytes, attached }) =>
          `volume ${name} ${id} ready, ${sizeBytes} bytes, attached to ${attached.size}`,
      ),
      ...sure(model.groups).map(({ name, id }) => `group ${name} ${id} ready, 0 bytes`),
      ...sure(model.snapshots).map(({ name, id, sizeBytes }) => `snapshot ${name} ${id} ready, ${sizeBytes} bytes`),
    ].sort(),
  );
  same('damaged records', [...driver.catalog.damages()], []);
}

async function checkMounts(world: ShareWorld): Promise<void> {
  const { entries } = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  const ours = entries.filter(({ mountPoint }) =>
    ['staging', 'targets'].some((name) => mountPoint.startsWith(`${join(world.folder, name)}/`)),
  );
  const found = ours.map(({ mountPoint, options }) => `${mountPoint} ${options.includes('ro') ? 'ro' : 'rw'}`);
  const expected = [...world.model.volumes.values()].flatMap((volume) => [
    ...(volume.staged ? [`${stagedAt(stagingPath(world, volume))} rw`] : []),
    ...[...volume.targets].map(([target, { readOnly }]) => `${targetPath(world, target)} ${readOnly ? 'ro' : 'rw'}`),
  ]);
  same('mounts', found.sort(), expected.sort());
}

/** With all servers back and after another restart everything is there; then everything is deleted, and nothing is left. */
export async function checkShareEnding(world: ShareWorld): Promise<void> {
  const { model } = world;
  for (const server of world.servers) await resume(world, server);
  await world.driver.idle();
  await checkShareInvariants(world);
  await restart(world);
  await world.driver.idle();
  await checkShareInvariants(world);
  for (const volume of model.volumes.values()) {
    for (const target of [...volume.targets.keys()]) await unpublish(world, volume, target);
    await unstage(world, volume);
    await detach(world, volume);
  }
  for (const snapshot of [...model.snapshots.values()].slice(-MAX_RESTORED)) {
    const { server, sizeBytes, name } = snapshot;
    const source = { kind: 'snapshot', item: snapshot } as const;
    await create(world, { name: `restored-${name.slice(-30)}`, server, sizeBytes, onDelete: 'delete', source }, true);
  }
  for (const volume of model.volumes.values()) {
    await stage(world, volume, mount());
    await publish(world, volume, 'last', mount(), true);
    await checkContent(world, volume, 'last');
    await unpublish(world, volume, 'last');
    await unstage(world, volume);
  }
  for (const volume of [...model.volumes.values()]) await remove(world, volume);
  for (const snapshot of [...model.snapshots.values()])
    if (snapshot.group === undefined) await removeSnapshot(world, snapshot);
  for (const group of [...model.groups.values()]) await removeGroup(world, group);
  await removeAbandoned(world);
  await world.driver.idle();
  for (const server of world.servers) await checkNothingLeft(world, server);
  const left = (await mountPointsBeneath(world.folder)).filter((point) => !point.includes('/state/mounts/'));
  same('mounts', left, []);
}

/** After a restart each is there as it was asked for, or not at all. */
async function removeAbandoned({ driver, service, model }: ShareWorld): Promise<void> {
  for (const record of [...driver.catalog.all()]) {
    if (!model.abandoned.has(record.name) || record.kind !== 'volume' || record.state === 'deleting') continue;
    same(`the state of ${record.name}, which nobody asked for again`, record.state, 'ready');
    await service.deleteVolume({ volumeId: record.id }, signal());
    const server = model.abandoned.get(record.name);
    if (record.onDelete === 'delete' || server === undefined) continue;
    model.kept.push({ name: record.name, as: record.onDelete === 'retain' ? 'retained' : 'archived', server });
  }
}

/** But what `onDelete` kept. */
async function checkNothingLeft({ driver, model }: ShareWorld, server: ModelServer): Promise<void> {
  const kept = model.kept.filter((one) => one.server === server);
  const retained = kept.filter(({ as }) => as === 'retained');
  const states = [...driver.catalog.all(shareName(server.source))].map(({ state }) => state);
  same('records', states.sort(), kept.map(({ as }) => as).sort());
  const plainNames = (names: readonly string[]) =>
    names.map((name) => name.replace(/^(archived-(volume|copy)-\d+)-.*$/, '$1')).sort();
  same(
    'what is on the share',
    plainNames(await readdir(server.folder)).filter((name) => name !== '.stowage'),
    kept.map(({ as, name }) => (as === 'retained' ? name : `archived-${name}`)).sort(),
  );
  for (const [folder, count] of [
    ...(['snapshots', 'groups', 'trash', 'tmp', 'copies'] as const).map((name) => [name, 0] as const),
    ['volumes', kept.length] as const,
    ['claims', retained.length] as const,
  ])
    same(`entries of ${folder}`, await countIn(join(server.folder, '.stowage', folder)), count);
}

/** Where no volume was ever made, there is nothing of ours. */
async function countIn(folder: string): Promise<number> {
  return existsSync(folder) ? (await readdir(folder)).length : 0;
}
