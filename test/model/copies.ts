import fc from 'fast-check';
import type { ErrorCode } from '../../src/errors.ts';
import type { SnapshotInfo } from '../../src/volumes/service.ts';
import { signal } from '../support/driver.ts';
import { byName, type ModelSnapshot, type ModelVolume, pickId } from './model.ts';
import { any, type StepKind, seldom, step } from './step.ts';
import { isTorn, only } from './volumes.ts';
import { holds, outcome, poolOf, same, type World, withItsCopy } from './world.ts';

export const COPY_STEPS: readonly StepKind[] = [
  step(7, 'snapshot', { name: fc.nat(4), source: any }, async (world, { name: number, source: sourceNumber }) => {
    const name = `snapshot-${number}`;
    const sourceVolumeId = pickId(world.model, 'volume', sourceNumber);
    const source = world.model.volumes.get(sourceVolumeId);
    const known = byName(world.model.snapshots, name);
    const refusals =
      known === undefined
        ? refusalsOfSnapshots(world, [source])
        : only(known.sourceId !== sourceVolumeId, 'already-exists');
    const found = await outcome(world.at.service.createSnapshot({ name, sourceVolumeId }, signal()), refusals);
    if (found === undefined) return;
    if (known !== undefined) same('its id', found.value.id, known.id);
    else if (source !== undefined) await enter(world, name, source, found.value, undefined);
  }),
  step(3, 'snapshot again', { snapshot: any }, async (world, { snapshot: number }) => {
    const snapshot = world.model.snapshots.get(pickId(world.model, 'snapshot', number));
    if (snapshot === undefined || snapshot.groupId !== undefined) return;
    const { name, sourceId: sourceVolumeId } = snapshot;
    const found = await outcome(world.at.service.createSnapshot({ name, sourceVolumeId }, signal()), []);
    same('its id', found?.value.id, snapshot.id);
  }),
  step(4, 'delete snapshot', { snapshot: any, again: seldom }, async (world, { snapshot: number, again }) => {
    const id = pickId(world.model, 'snapshot', number);
    const isMember = world.model.snapshots.get(id)?.groupId !== undefined;
    for (let time = 0; time < (again ? 2 : 1); time++)
      await outcome(world.at.service.deleteSnapshot({ snapshotId: id }, signal()), only(isMember, 'invalid'));
    if (isMember || !world.model.snapshots.delete(id)) return;
    world.model.gone.snapshot.push(id);
  }),
  step(
    3,
    'group',
    { name: fc.nat(1), sources: fc.uniqueArray(any, { minLength: 1, maxLength: 3 }) },
    async (world, args) => {
      const name = `group-${args.name}`;
      const sourceVolumeIds = [...new Set(args.sources.map((number) => pickId(world.model, 'volume', number)))];
      const sources = sourceVolumeIds.map((id) => world.model.volumes.get(id));
      const known = byName(world.model.groups, name);
      const differs = known !== undefined && [...known.sourceIds].sort().join() !== [...sourceVolumeIds].sort().join();
      const refusals = known === undefined ? refusalsOfSnapshots(world, sources) : only(differs, 'already-exists');
      const call = withItsCopy(world, () => world.at.service.createGroup({ name, sourceVolumeIds }, signal()));
      const found = await outcome(call, refusals);
      if (found === undefined) return;
      const { id, snapshots, ready } = found.value;
      if (known !== undefined) {
        same('its id', id, known.id);
        return;
      }
      holds(ready, 'a group is complete when it is answered');
      for (const [index, info] of snapshots.entries()) {
        const source = sources[index];
        if (source !== undefined) await enter(world, `${id}-${index}`, source, info, id);
      }
      world.model.groups.set(id, { id, name, sourceIds: sourceVolumeIds, snapshotIds: snapshots.map((one) => one.id) });
    },
  ),
  step(
    2,
    'delete group',
    { group: any, members: fc.constantFrom('all', 'all', 'all', 'some') },
    async (world, args) => {
      const id = pickId(world.model, 'group', args.group);
      const group = world.model.groups.get(id);
      const all = group?.snapshotIds ?? [];
      const snapshotIds = args.members === 'all' ? all : all.slice(1);
      const isWrong = group !== undefined && args.members === 'some';
      await outcome(world.at.service.deleteGroup({ groupId: id, snapshotIds }, signal()), only(isWrong, 'invalid'));
      if (group === undefined || isWrong) return;
      for (const snapshotId of all) {
        world.model.snapshots.delete(snapshotId);
        world.model.gone.snapshot.push(snapshotId);
      }
      world.model.groups.delete(id);
      world.model.gone.group.push(id);
    },
  ),
];

/** CSI, "CreateSnapshot Errors", for a name that is free; a group is refused for any of its sources. */
function refusalsOfSnapshots(world: World, sources: readonly (ModelVolume | undefined)[]): ErrorCode[] {
  return sources.flatMap((source) => {
    if (source === undefined) return ['not-found'];
    const pool = poolOf(world, source.pool);
    return [...only(pool.features.snapshots === 'none', 'unsupported'), ...only(isTorn(pool, source), 'precondition')];
  });
}

/** Enters a snapshot with what its source holds now. */
async function enter(
  world: World,
  name: string,
  source: ModelVolume,
  info: SnapshotInfo,
  groupId: string | undefined,
): Promise<ModelSnapshot> {
  const { model, at } = world;
  const { id } = info;
  holds(!model.snapshots.has(id) && !model.gone.snapshot.includes(id), `id ${id} is given again`);
  same('its source', info.sourceVolumeId, source.id);
  same('its size', info.sizeBytes, source.sizeBytes);
  same('its group', info.groupId, groupId);
  if (!info.ready) await at.driver.idle();
  const record = at.catalog.snapshot(id);
  holds(record?.state === 'ready', `snapshot ${name} does not become ready`);
  const reservedBytes = record?.reservedBytes ?? 0;
  holds(reservedBytes <= source.sizeBytes, `snapshot ${name} reserves ${reservedBytes} bytes of ${source.sizeBytes}`);
  const { pool, access, sizeBytes, fsBytes, content } = source;
  const snapshot = { id, name, pool, access, sourceId: source.id, sizeBytes, fsBytes, reservedBytes, content, groupId };
  model.snapshots.set(id, snapshot);
  return snapshot;
}
