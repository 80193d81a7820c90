import fc from 'fast-check';
import type { Listing } from '../../src/volumes/service.ts';
import { signal } from '../support/driver.ts';
import { pick, pickId } from './model.ts';
import { any, type StepKind, step } from './step.ts';
import { holds, outcome, same } from './world.ts';

const maxEntries = fc.nat(3);

export const LIST_STEPS: readonly StepKind[] = [
  step(3, 'list volumes', { maxEntries }, async (world, args) => {
    const listed = await allPages(args.maxEntries, (page) => world.at.service.listVolumes(page, signal()));
    const expected = sortedById([...world.model.volumes.values()]).map((volume) => ({
      id: volume.id,
      sizeBytes: volume.sizeBytes,
      publishedNodeIds: [...volume.attached.keys()],
      abnormal: false,
    }));
    const found = listed.map(({ volume: { id, sizeBytes }, publishedNodeIds, condition: { abnormal } }) => ({
      ...{ id, sizeBytes, publishedNodeIds, abnormal },
    }));
    same('the list of volumes', found, expected);
  }),
  step(3, 'list snapshots', { maxEntries, source: any, one: fc.boolean() }, async (world, args) => {
    const sourceVolumeId = args.one ? pickId(world.model, 'volume', args.source) : undefined;
    const listed = await allPages(args.maxEntries, (page) =>
      world.at.service.listSnapshots({ page, sourceVolumeId, snapshotId: undefined }, signal()),
    );
    const fits = [...world.model.snapshots.values()].filter(
      ({ sourceId }) => sourceVolumeId === undefined || sourceId === sourceVolumeId,
    );
    same(
      'the list of snapshots',
      listed.map(({ id, sourceVolumeId: source, sizeBytes, groupId, ready }) => [
        id,
        source,
        sizeBytes,
        groupId,
        ready,
      ]),
      sortedById(fits).map(({ id, sourceId, sizeBytes, groupId }) => [id, sourceId, sizeBytes, groupId, true]),
    );
  }),
  step(2, 'get', { volume: any, snapshot: any, group: any }, async ({ at: { service }, model }, args) => {
    const volumeId = pickId(model, 'volume', args.volume);
    const volume = model.volumes.get(volumeId);
    const gotVolume = await outcome(service.getVolume({ volumeId }, signal()), volume ? [] : ['not-found']);
    same('the volume', gotVolume?.value.volume.sizeBytes, volume?.sizeBytes);
    const snapshotId = pickId(model, 'snapshot', args.snapshot);
    const snapshot = model.snapshots.get(snapshotId);
    const gotSnapshot = await outcome(service.getSnapshot({ snapshotId }, signal()), snapshot ? [] : ['not-found']);
    same('the snapshot', gotSnapshot?.value.sourceVolumeId, snapshot?.sourceId);
    const groupId = pickId(model, 'group', args.group);
    const group = model.groups.get(groupId);
    const request = { groupId, snapshotIds: group?.snapshotIds ?? [] };
    const gotGroup = await outcome(service.getGroup(request, signal()), group ? [] : ['not-found']);
    same(
      'the group',
      gotGroup?.value.snapshots.map(({ id }) => id),
      group?.snapshotIds,
    );
  }),
  step(2, 'capacity', { pool: any }, async (world, { pool: number }) => {
    const pool = pick(world.pools, number);
    const request = { capabilities: [], parameters: { pool: pool.name }, topology: undefined };
    const found = await outcome(world.at.service.capacity(request, signal()), []);
    const { availableBytes = 0, maximumVolumeBytes = 0 } = found?.value ?? {};
    const promised = world.at.catalog.promisedBytes(pool.name);
    holds(availableBytes + promised <= pool.totalBytes, `${availableBytes} bytes left, ${promised} promised`);
    holds(maximumVolumeBytes <= availableBytes, `a volume of ${maximumVolumeBytes} bytes in ${availableBytes}`);
    const elsewhere = { ...request, parameters: { pool: 'no-such-pool' } };
    same(
      'room elsewhere',
      (await outcome(world.at.service.capacity(elsewhere, signal()), []))?.value.availableBytes,
      0,
    );
  }),
  step(5, 'restart', {}, async (world) => {
    await world.at.restart();
  }),
];

/** Every entry, page after page. */
async function allPages<Entry>(
  entries: number,
  list: (page: { maxEntries: number; startingToken: string | undefined }) => Promise<Listing<Entry>>,
): Promise<Entry[]> {
  const found: Entry[] = [];
  let startingToken: string | undefined;
  do {
    const page = await outcome(list({ maxEntries: entries, startingToken }), []);
    const got = page?.value.entries ?? [];
    holds(entries === 0 || got.length <= entries, `a page of ${got.length} entries, where ${entries} were asked for`);
    found.push(...got);
    startingToken = page?.value.nextToken;
  } while (startingToken !== undefined);
  return found;
}

/** Lists come in the order of ids. */
function sortedById<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((one, other) => (one.id < other.id ? -1 : 1));
}
