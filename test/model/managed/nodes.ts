import fc from 'fast-check';
import type { ErrorCode } from '../../../src/errors.ts';
import { MIB, mount, signal } from '../../support/driver.ts';
import { SLOTS, writeSlot } from '../content.ts';
import { type ModelVolume, pick, pickId, volumeAt } from '../model.ts';
import { any, type StepKind, seldom, step } from '../step.ts';
import { only } from '../volumes.ts';
import { holds, outcome, same } from '../world.ts';
import { ALIAS, isHere, type ManagedWorld, NODE, NODES, XFS_POOL } from './world.ts';

const TARGETS = ['pod-1', 'pod-2', 'pod-3', 'pod-4'];
const ONE_TARGET: readonly string[] = ['SINGLE_NODE_WRITER', 'SINGLE_NODE_READER_ONLY'];
const mode = fc.constantFrom(
  ...(['MULTI_NODE_MULTI_WRITER', 'MULTI_NODE_MULTI_WRITER', 'SINGLE_NODE_MULTI_WRITER'] as const),
  ...(['SINGLE_NODE_WRITER', 'SINGLE_NODE_READER_ONLY'] as const),
);

export const managedStep = <Args extends object>(
  weight: number,
  name: string,
  args: { [Key in keyof Args]: fc.Arbitrary<Args[Key]> },
  run: (world: ManagedWorld, args: Args) => Promise<void>,
): StepKind<ManagedWorld> => step<Args, ManagedWorld>(weight, name, args, run);

export const MANAGED_NODE_STEPS: readonly StepKind<ManagedWorld>[] = [
  managedStep(12, 'attach', { volume: any, node: any, mode, readOnly: seldom }, async (world, args) => {
    const { id, volume } = find(world, args.volume, ({ attached }) => attached.size === 0);
    const nodeId = pick(NODES, args.node);
    const now = volume?.attached.get(nodeId);
    const isElsewhere = [...(volume?.attached.keys() ?? [])].some((node) => node !== nodeId);
    const refusals = [
      ...only(volume === undefined, 'not-found'),
      ...only(args.mode.startsWith('SINGLE_NODE') && isElsewhere, 'precondition'),
      ...only(now !== undefined && now.readOnly !== args.readOnly, 'already-exists'),
    ];
    const { readOnly } = args;
    const request = { volumeId: id, nodeId, capability: mount(args.mode), readOnly };
    const call = world.at.service.attach({ ...request, volumeContext: world.at.contextOf(id) }, signal());
    if ((await outcome(call, refusals)) === undefined || volume === undefined) return;
    volume.attached.set(nodeId, { readOnly });
    world.uses.follow(volume);
  }),
  managedStep(5, 'detach', { volume: any, node: any, all: seldom }, async (world, { volume: number, node, all }) => {
    const { id, volume } = find(world, number, ({ attached }) => attached.size > 0);
    const nodeId = all ? undefined : pick([...(volume?.attached.keys() ?? []), ...NODES.slice(2)], node);
    await outcome(world.at.service.detach({ volumeId: id, nodeId }, signal()), []);
    if (volume === undefined) return;
    if (nodeId === undefined) volume.attached.clear();
    else volume.attached.delete(nodeId);
    world.uses.follow(volume);
    if (isAttached(world, volume)) return;
    for (const target of volume.targets.keys())
      holds(!(await writesTo(world, target, 0, 1)), `${target} takes a write, and was shut out`);
  }),
  managedStep(8, 'stage', { volume: any, mode }, async (world, args) => {
    const { id, volume } = find(world, args.volume, (one) => !one.staged && isAttached(world, one));
    if (volume === undefined) return; // a node knows no more than its caller tells it
    const use = world.uses.of(volume);
    // Where other nodes have it, this one sees its name, as it does while nobody answers for exports.
    const refusals: ErrorCode[] = use.attachment === undefined ? ['precondition', 'unavailable'] : [];
    const found = await outcome(world.at.stage(id, mount(args.mode)), refusals);
    volume.staged = found !== undefined; // one that is stale is taken away first
    use.staged = use.attachment;
  }),
  managedStep(3, 'unstage', { volume: any }, async (world, { volume: number }) => {
    const { id, volume } = find(world, number, ({ staged, targets }) => staged && targets.size === 0);
    if (volume === undefined || volume.targets.size > 0) return;
    await outcome(world.at.unstage(id), []);
    volume.staged = false;
  }),
  managedStep(10, 'publish', { volume: any, target: any, mode, readOnly: seldom }, async (world, args) => {
    const { id, volume } = find(world, args.volume, ({ staged }) => staged);
    if (volume === undefined) return;
    const target = pick(TARGETS, args.target);
    const readOnly = args.readOnly || args.mode === 'SINGLE_NODE_READER_ONLY';
    const call = world.at.publish(id, target, { capability: mount(args.mode), readOnly: args.readOnly });
    const found = await outcome(call, refusalsOf(world, volume, target, args.mode, readOnly));
    if (found === undefined) return;
    volume.targets.set(target, { readOnly });
    const use = world.uses.of(volume);
    use.targets.set(target, use.staged);
  }),
  managedStep(4, 'unpublish', { target: any }, async (world, args) => {
    const target = pick(TARGETS, args.target);
    const volume = volumeAt(world.model, target);
    if (volume === undefined) return;
    await outcome(world.at.unpublish(volume.id, target), []);
    volume.targets.delete(target);
  }),
  managedStep(12, 'write', { target: any, slot: fc.nat(SLOTS - 1), value: fc.nat(255) }, async (world, args) => {
    const used = TARGETS.filter((name) => volumeAt(world.model, name) !== undefined);
    if (used.length === 0) return;
    const target = pick(used, args.target);
    const volume = volumeAt(world.model, target);
    if (volume === undefined) return;
    const isFenced = !world.rules.isReachable(volume, target);
    const mayWrite = !isFenced && volume.targets.get(target)?.readOnly === false && !isReadOnlyHere(volume);
    const written = isFenced
      ? await writesTo(world, target, args.slot, args.value)
      : await writeSlot('mount', world.at.target(target), args.slot, args.value);
    holds(written === mayWrite, `${target} ${written ? 'took' : 'refused'} a write`);
    if (written) volume.content = new Map([...volume.content, [args.slot, args.value]]);
  }),
  managedStep(2, 'stats', { volume: any }, async (world, { volume: number }) => {
    const { id, volume } = find(world, number, ({ staged }) => staged);
    if (volume?.staged !== true || !isMountLive(world, volume)) return;
    const { usage, condition } = await world.at.service.stats(
      { volumeId: id, volumePath: world.at.stagingPath(id), stagingPath: undefined },
      signal(),
    );
    same('its condition', condition.abnormal, false);
    const total = usage?.bytes.total ?? 0;
    // In the client's blocks; and btrfs tells all that the pool has.
    const limit = volume.pool === XFS_POOL ? volume.sizeBytes + MIB : Number.MAX_SAFE_INTEGER;
    holds(total > 0 && total <= limit, `${volume.sizeBytes} bytes, said to be ${total}`);
  }),
];

/** A machine that may write by one of its names keeps a volume by the other, which may only read. */
export const LOSE_A_NAME = managedStep(2, 'lose a name', { volume: any }, async (world, { volume: number }) => {
  const free = [...world.model.volumes.values()].filter(({ attached }) => attached.size === 0);
  if (free.length === 0) return;
  const volume = pick(free, number);
  const { id: volumeId } = volume;
  const { service } = world.at;
  const request = {
    volumeId,
    capability: mount('MULTI_NODE_MULTI_WRITER'),
    volumeContext: world.at.contextOf(volumeId),
  };
  await service.attach({ ...request, nodeId: NODE, readOnly: true }, signal());
  await service.attach({ ...request, nodeId: ALIAS, readOnly: false }, signal());
  await service.detach({ volumeId, nodeId: ALIAS }, signal());
  volume.attached.set(NODE, { readOnly: true });
  world.uses.follow(volume);
});

/** Tries to write where a node may not any more: errors are as it shall be. */
function writesTo({ at }: ManagedWorld, target: string, slot: number, value: number): Promise<boolean> {
  return writeSlot('mount', at.target(target), slot, value).catch(() => false);
}

function find(world: ManagedWorld, number: number, prefer: (volume: ModelVolume) => boolean) {
  const id = pickId(world.model, 'volume', number, prefer);
  return { id, volume: world.model.volumes.get(id) };
}

function isAttached(world: ManagedWorld, volume: ModelVolume): boolean {
  return world.uses.of(volume).attachment !== undefined;
}

function isMountLive(world: ManagedWorld, volume: ModelVolume): boolean {
  const { attachment, staged } = world.uses.of(volume);
  return attachment !== undefined && attachment === staged;
}

/** A machine that has it by two names may write if one may. */
function isReadOnlyHere({ attached }: ModelVolume): boolean {
  return [...attached].every(([nodeId, { readOnly }]) => readOnly || !isHere(nodeId));
}

/** CSI, NodePublishVolume: the table of what a second call means, and its errors. What is bound from an earlier staging is replaced. */
function refusalsOf(
  world: ManagedWorld,
  volume: ModelVolume,
  target: string,
  asked: string,
  readOnly: boolean,
): ErrorCode[] {
  if (!volume.staged) return ['precondition'];
  const { staged, targets } = world.uses.of(volume);
  const holder = volumeAt(world.model, target);
  if (holder !== undefined && holder !== volume) return ['already-exists'];
  if (holder !== undefined && targets.get(target) === staged)
    return only(volume.targets.get(target)?.readOnly !== readOnly, 'already-exists');
  const others = [...volume.targets.keys()].filter((name) => name !== target);
  return only(others.length > 0 && ONE_TARGET.includes(asked), 'precondition');
}
