import fc from 'fast-check';
import { signal } from '../../support/driver.ts';
import { any, type StepKind } from '../step.ts';
import { only } from '../volumes.ts';
import { holds, same } from '../world.ts';
import { choose, isInDoubt, type ShareGroup, type ShareVolume } from './model.ts';
import { insist, shareStep } from './volumes.ts';
import type { ShareWorld } from './world.ts';

export const SHARE_GROUP_STEPS: readonly StepKind<ShareWorld>[] = [
  shareStep(2, 'group', { number: fc.nat(2), source: any, other: any }, async (world, { number, source, other }) => {
    const { model } = world;
    const first = choose(model, model.volumes, source);
    const name = `group-${number}`;
    if (first === undefined || isInDoubt(model, name)) return;
    const second = choose(model, model.volumes, other, ({ server }) => server === first.server);
    const sources = second === undefined || second.server !== first.server ? [first] : [...new Set([first, second])];
    const known = model.groups.get(name);
    if (known !== undefined && known.server !== first.server) return; // that server's records may not be known
    const ids = sources.map(({ id }) => id);
    const call = () => world.service.createGroup({ name, sourceVolumeIds: ids }, signal());
    const differs = known !== undefined && [...known.sourceIds].sort().join() !== [...ids].sort().join();
    const others = [name, ...sources.map((one) => one.name)];
    await insist(
      world,
      first,
      call,
      ({ id, ready, snapshots }) => {
        holds(ready, 'a group is complete when it is answered');
        if (known !== undefined) same('its id', id, known.id);
        else
          enterGroup(
            world,
            { id, name, server: first.server, sourceIds: ids, snapshotIds: snapshots.map((one) => one.id) },
            sources,
          );
      },
      only(differs, 'already-exists'),
      others,
    );
  }),
  shareStep(2, 'delete group', { group: any }, async (world, { group: number }) => {
    const group = choose(world.model, world.model.groups, number);
    if (group !== undefined) await removeGroup(world, group);
  }),
];

function enterGroup({ model }: ShareWorld, group: ShareGroup, sources: readonly ShareVolume[]): void {
  model.groups.set(group.name, group);
  for (const [index, { id: sourceId, server, sizeBytes, content }] of sources.entries()) {
    const name = `${group.id}-${index}`;
    const id = group.snapshotIds[index] ?? '';
    model.snapshots.set(name, { id, name, server, sourceId, sizeBytes, content, group: group.name });
  }
}

export async function removeGroup(world: ShareWorld, group: ShareGroup): Promise<void> {
  const { model, service } = world;
  const { id: groupId, snapshotIds } = group;
  const members = [...model.snapshots.values()].filter((one) => one.group === group.name);
  const call = () => service.deleteGroup({ groupId, snapshotIds }, signal());
  const done = () => {
    model.groups.delete(group.name);
    for (const { name } of members) model.snapshots.delete(name);
    model.gone.push(group, ...members);
  };
  await insist(
    world,
    group,
    call,
    done,
    [],
    members.map(({ name }) => name),
  );
}
