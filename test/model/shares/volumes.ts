import fc from 'fast-check';
import type { ErrorCode } from '../../../src/errors.ts';
import type { CreateVolumeRequest } from '../../../src/volumes/requests.ts';
import type { SnapshotInfo, VolumeInfo } from '../../../src/volumes/service.ts';
import { MIB, mount, signal } from '../../support/driver.ts';
import { pick } from '../model.ts';
import { any, type StepKind, seldom, step } from '../step.ts';
import { only } from '../volumes.ts';
import { holds, same } from '../world.ts';
import { choose, isInDoubt, type ShareSnapshot, type ShareVolume } from './model.ts';
import { ended, type ModelServer, type ShareWorld, wishOf } from './world.ts';

export interface Wanted {
  readonly name: string;
  readonly server: ModelServer;
  readonly sizeBytes: number;
  readonly onDelete: ShareVolume['onDelete'];
  readonly source?: { readonly kind: 'volume' | 'snapshot'; readonly item: ShareVolume | ShareSnapshot } | undefined;
}

export const shareStep = <Args extends object>(
  weight: number,
  name: string,
  args: { [Key in keyof Args]: fc.Arbitrary<Args[Key]> },
  run: (world: ShareWorld, args: Args) => Promise<void>,
): StepKind<ShareWorld> => step<Args, ShareWorld>(weight, name, args, run);

const onDelete = fc.constantFrom(...(['delete', 'delete', 'delete', 'delete', 'retain', 'archive'] as const));

export const CREATE = shareStep(
  8,
  'create',
  { number: fc.nat(7), onDelete, retry: fc.boolean() },
  async (world, { number, onDelete: kept, retry }) => {
    const server = pick(world.servers, number); // each name is of one server
    await create(world, { name: `volume-${number}`, server, sizeBytes: MIB, onDelete: kept }, retry);
  },
);

export const SHARE_VOLUME_STEPS: readonly StepKind<ShareWorld>[] = [
  CREATE,
  shareStep(
    5,
    'create as a copy',
    { number: fc.nat(7), kind: fc.constantFrom('volume', 'snapshot'), source: any, other: seldom },
    async (world, { number, kind, source, other }) => {
      const { model } = world;
      const item = choose<ShareVolume | ShareSnapshot>(
        model,
        kind === 'volume' ? model.volumes : model.snapshots,
        source,
      );
      if (item === undefined) return;
      const server = other ? pick(world.servers, number) : item.server;
      const wanted = { name: `copy-${number}`, server, sizeBytes: item.sizeBytes, onDelete: 'delete' } as const;
      if (model.volumes.get(wanted.name)?.server !== item.server && model.volumes.has(wanted.name)) return;
      await create(world, { ...wanted, source: { kind, item } }, true);
    },
  ),
  shareStep(3, 'delete', { volume: any, again: seldom }, async (world, { volume: number, again }) => {
    const volume = choose(world.model, world.model.volumes, number, isFree);
    if (volume === undefined || volume.staged || volume.targets.size > 0) return;
    await remove(world, volume);
    if (again && !world.model.volumes.has(volume.name)) await deleteGone(world, volume);
  }),
  shareStep(3, 'expand', { volume: any, extra: fc.constantFrom(0, MIB, 5 * MIB) }, async (world, { volume, extra }) => {
    const known = choose(world.model, world.model.volumes, volume);
    if (known === undefined) return;
    const sizeBytes = known.sizeBytes + extra;
    const call = () =>
      world.service.expandVolume(
        { volumeId: known.id, size: { requiredBytes: sizeBytes, limitBytes: undefined }, capability: undefined },
        signal(),
      );
    await insist(world, known, call, ({ sizeBytes: now }) => {
      same('its size', now, sizeBytes);
      known.sizeBytes = sizeBytes;
    });
  }),
  shareStep(6, 'snapshot', { number: fc.nat(4), source: any }, async (world, { number, source: from }) => {
    const source = choose(world.model, world.model.volumes, from);
    const name = `snapshot-${number}`;
    if (source === undefined || isInDoubt(world.model, name)) return;
    const known = world.model.snapshots.get(name);
    if (known !== undefined && known.server !== source.server) return; // another server's records may not be known
    const call = () => world.service.createSnapshot({ name, sourceVolumeId: source.id }, signal());
    const refusals = only(known !== undefined && known.sourceId !== source.id, 'already-exists');
    await insist(world, source, call, (info) => enterSnapshot(world, name, source, info), refusals, [name]);
  }),
  shareStep(3, 'delete snapshot', { snapshot: any }, async (world, { snapshot: number }) => {
    const snapshot = choose(world.model, world.model.snapshots, number);
    if (snapshot !== undefined) await removeSnapshot(world, snapshot);
  }),
];

const isFree = (volume: ShareVolume) => volume.attached.size + volume.targets.size === 0 && !volume.staged;

/** CreateVolume; where nobody knows what came of it, it is called again when the server is back, or never. */
export async function create(world: ShareWorld, wanted: Wanted, retry: boolean): Promise<void> {
  const { model } = world;
  const { name, server, source } = wanted;
  if (isInDoubt(model, name) || model.kept.some((kept) => kept.as === 'retained' && kept.name === name)) return;
  const known = model.volumes.get(name);
  const found = await ended(server, () => call(world, wanted), refusalsOf(wanted, known));
  if (found.type === 'ok') enter(world, wanted, found.value);
  if (found.type !== 'unknown' || known !== undefined) return;
  if (!retry) {
    model.abandoned.set(name, server);
    return;
  }
  model.doubts.push({
    server,
    names: [name, ...(source === undefined ? [] : [source.item.name])],
    async settle() {
      const settled = await ended(server, () => call(world, wanted), []);
      if (settled.type === 'ok') enter(world, wanted, settled.value);
    },
  });
}

function call({ service }: ShareWorld, wanted: Wanted): Promise<VolumeInfo> {
  const { source } = wanted;
  const request: CreateVolumeRequest = {
    name: wanted.name,
    size: { requiredBytes: wanted.sizeBytes, limitBytes: undefined },
    capabilities: [mount('MULTI_NODE_MULTI_WRITER')],
    parameters: { share: wishOf(wanted.server), onDelete: wanted.onDelete },
    mutableParameters: {},
    source: source === undefined ? undefined : { kind: source.kind, id: source.item.id },
    requisite: [],
  };
  return service.createVolume(request, signal());
}

function refusalsOf({ server, sizeBytes, source }: Wanted, known: ShareVolume | undefined): ErrorCode[] {
  if (known !== undefined) {
    const differs = known.server !== server || known.sizeBytes < sizeBytes || known.sourceId !== source?.item.id;
    return only(differs, 'already-exists');
  }
  return only(source !== undefined && source.item.server !== server, 'invalid');
}

function enter({ model }: ShareWorld, { name, server, onDelete, source, sizeBytes }: Wanted, info: VolumeInfo): void {
  const known = model.volumes.get(name);
  if (known !== undefined) {
    same('its id', info.id, known.id);
    return;
  }
  holds(!model.gone.some(({ id }) => id === info.id), `id ${info.id} is given again`);
  same('its size', info.sizeBytes, sizeBytes);
  same('its place', info.context, { ...server.source, subDir: name });
  model.volumes.set(name, {
    ...{ id: info.id, name, server, context: info.context, onDelete, sourceId: source?.item.id, sizeBytes },
    ...{ content: source?.item.content ?? new Map(), attached: new Map(), staged: false, targets: new Map() },
  });
}

export async function remove(world: ShareWorld, volume: ShareVolume): Promise<void> {
  const { model } = world;
  const isAttached = volume.attached.size > 0;
  const call = () => world.service.deleteVolume({ volumeId: volume.id }, signal());
  const done = () => {
    model.volumes.delete(volume.name);
    model.gone.push(volume);
    if (volume.onDelete === 'delete') return;
    const as = volume.onDelete === 'retain' ? 'retained' : 'archived';
    model.kept.push({ name: volume.name, as, server: volume.server });
  };
  await insist(world, volume, call, done, only(isAttached, 'precondition'));
}

async function deleteGone(world: ShareWorld, { id, server }: ShareVolume): Promise<void> {
  await ended(server, () => world.service.deleteVolume({ volumeId: id }, signal()), []);
}

export async function removeSnapshot(world: ShareWorld, snapshot: ShareSnapshot): Promise<void> {
  const call = () => world.service.deleteSnapshot({ snapshotId: snapshot.id }, signal());
  const done = () => {
    world.model.snapshots.delete(snapshot.name);
    world.model.gone.push(snapshot);
  };
  await insist(world, snapshot, call, done, only(snapshot.group !== undefined, 'invalid'));
}

async function enterSnapshot(world: ShareWorld, name: string, source: ShareVolume, info: SnapshotInfo): Promise<void> {
  const { model, driver } = world;
  const known = model.snapshots.get(name);
  if (known !== undefined) {
    same('its id', info.id, known.id);
    return;
  }
  holds(!model.gone.some(({ id }) => id === info.id), `id ${info.id} is given again`);
  same('its source', info.sourceVolumeId, source.id);
  while (driver.catalog.snapshot(info.id)?.state === 'creating')
    await world.service.createSnapshot({ name, sourceVolumeId: source.id }, signal());
  same('its state', driver.catalog.snapshot(info.id)?.state, 'ready');
  const { id, sizeBytes } = info;
  const { server, content } = source;
  model.snapshots.set(name, { id, name, server, sourceId: source.id, sizeBytes, content });
}

/** Calls, and `done` enters what came of it: at once, or when the server is back and it has been called again. */
export async function insist<T>(
  { model }: ShareWorld,
  { name, server }: { readonly name: string; readonly server: ModelServer },
  call: () => Promise<T>,
  done: (value: T) => void | Promise<void>,
  refusals: readonly ErrorCode[] = [],
  names: readonly string[] = [],
): Promise<void> {
  const found = await ended(server, call, refusals);
  if (found.type === 'ok') await done(found.value);
  if (found.type !== 'unknown') return;
  model.doubts.push({
    server,
    names: [name, ...names],
    async settle() {
      const settled = await ended(server, call, []);
      if (settled.type === 'ok') await done(settled.value);
    },
  });
}
