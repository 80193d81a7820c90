import { join } from 'node:path';
import fc from 'fast-check';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Capability } from '../../../src/volumes/requests.ts';
import { mount, signal } from '../../support/driver.ts';
import { readSlots, SLOTS, writeSlot } from '../content.ts';
import { pick } from '../model.ts';
import { any, type StepKind, seldom } from '../step.ts';
import { only } from '../volumes.ts';
import { holds, same } from '../world.ts';
import { choose, isInDoubt, type ShareModel, type ShareVolume } from './model.ts';
import { insist, shareStep } from './volumes.ts';
import { ended, halt, NODE, restart, resume, type ShareWorld } from './world.ts';

const TARGETS = ['pod-1', 'pod-2', 'pod-3', 'pod-4'];
const ONE_TARGET: readonly string[] = ['SINGLE_NODE_WRITER', 'SINGLE_NODE_READER_ONLY'];
const mode = fc.constantFrom(
  ...([
    'SINGLE_NODE_MULTI_WRITER',
    'SINGLE_NODE_WRITER',
    'SINGLE_NODE_READER_ONLY',
    'MULTI_NODE_MULTI_WRITER',
  ] as const),
);

export const stagingPath = ({ folder }: ShareWorld, { name }: ShareVolume) => join(folder, 'staging', name);
export const targetPath = ({ folder }: ShareWorld, target: string) => join(folder, 'targets', target);

export const SHARE_NODE_STEPS: readonly StepKind<ShareWorld>[] = [
  shareStep(3, 'attach', { volume: any, mode, readOnly: seldom, elsewhere: seldom }, async (world, args) => {
    const volume = choose(world.model, world.model.volumes, args.volume);
    if (volume === undefined) return;
    const nodeId = args.elsewhere ? 'node-2|10.0.0.2' : NODE;
    const { id: volumeId, context: volumeContext, attached } = volume;
    const request = { volumeId, nodeId, capability: mount(args.mode), readOnly: args.readOnly, volumeContext };
    const isElsewhere = [...attached.keys()].some((node) => node !== nodeId);
    const refusals = [
      ...only(args.mode.startsWith('SINGLE_NODE') && isElsewhere, 'precondition'),
      ...only(attached.get(nodeId) === !args.readOnly, 'already-exists'),
    ];
    const call = () => world.service.attach(request, signal());
    await insist(world, volume, call, () => void attached.set(nodeId, args.readOnly), refusals);
  }),
  shareStep(2, 'detach', { volume: any }, async (world, { volume: number }) => {
    const volume = choose(world.model, world.model.volumes, number, ({ attached }) => attached.size > 0);
    if (volume !== undefined) await detach(world, volume);
  }),
  shareStep(8, 'stage', { volume: any, mode }, async (world, args) => {
    const volume = choose(world.model, world.model.volumes, args.volume, ({ staged }) => !staged);
    if (volume !== undefined) await stage(world, volume, mount(args.mode));
  }),
  shareStep(3, 'unstage', { volume: any }, async (world, { volume: number }) => {
    const volume = choose(
      world.model,
      world.model.volumes,
      number,
      ({ staged, targets }) => staged && targets.size === 0,
    );
    if (volume !== undefined && volume.targets.size === 0) await unstage(world, volume);
  }),
  shareStep(10, 'publish', { volume: any, target: any, mode, readOnly: seldom }, async (world, args) => {
    const volume = choose(world.model, world.model.volumes, args.volume, ({ staged }) => staged);
    if (volume === undefined) return;
    await publish(world, volume, pick(TARGETS, args.target), mount(args.mode), args.readOnly);
  }),
  shareStep(4, 'unpublish', { target: any }, async (world, { target: number }) => {
    const target = pick(TARGETS, number);
    const volume = volumeAt(world.model, target);
    if (volume !== undefined) await unpublish(world, volume, target);
  }),
  shareStep(12, 'write', { target: any, slot: fc.nat(SLOTS - 1), value: fc.nat(255) }, async (world, args) => {
    const used = TARGETS.filter((name) => mayLook(world.model, volumeAt(world.model, name)));
    if (used.length === 0) return;
    const target = pick(used, args.target);
    const volume = volumeAt(world.model, target);
    if (volume === undefined) return;
    const isReadOnly = volume.targets.get(target)?.readOnly === true;
    const written = await writeSlot('mount', targetPath(world, target), args.slot, args.value);
    holds(written !== isReadOnly, `${target} ${written ? 'took' : 'refused'} a write`);
    if (written) volume.content = new Map([...volume.content, [args.slot, args.value]]);
  }),
  shareStep(1, 'stats', { target: any }, async (world, { target: number }) => {
    const target = pick(TARGETS, number);
    const volume = volumeAt(world.model, target);
    if (volume === undefined) return;
    const request = { volumeId: volume.id, volumePath: targetPath(world, target), stagingPath: undefined };
    const { condition } = await world.service.stats(request, signal());
    same('its condition', condition.abnormal, !volume.server.isUp);
  }),
];

export const HALT = shareStep(1, 'halt', { server: any }, async ({ servers }, { server }) =>
  halt(pick(servers, server)),
);
export const RESUME = shareStep(2, 'resume', { server: any }, async (world, { server }) =>
  resume(world, pick(world.servers, server)),
);
export const RESTART = shareStep(1, 'restart', {}, restart);

/** A published path of a server that is down is not touched. */
export function mayLook(model: ShareModel, volume: ShareVolume | undefined): volume is ShareVolume {
  return volume?.server.isUp === true && !isInDoubt(model, volume.name);
}

export async function detach(world: ShareWorld, volume: ShareVolume): Promise<void> {
  const call = () => world.service.detach({ volumeId: volume.id, nodeId: undefined }, signal());
  await insist(world, volume, call, () => volume.attached.clear());
}

/** Without an answer from the server nothing is mounted. */
export async function stage(world: ShareWorld, volume: ShareVolume, capability: Capability): Promise<void> {
  const request = {
    ...{ volumeId: volume.id, volumeContext: volume.context, capability },
    stagingPath: stagingPath(world, volume),
  };
  const limit = volume.server.isUp ? signal() : AbortSignal.timeout(3_000);
  const found = await ended(volume.server, () => world.service.stage(request, limit), []);
  if (found.type === 'ok') volume.staged = true;
}

export async function unstage(world: ShareWorld, volume: ShareVolume): Promise<void> {
  await world.service.unstage({ volumeId: volume.id, stagingPath: stagingPath(world, volume) }, signal());
  volume.staged = false;
}

/** Needs no server. */
export async function publish(
  world: ShareWorld,
  volume: ShareVolume,
  target: string,
  capability: Capability,
  readOnly: boolean,
): Promise<void> {
  const request = {
    ...{ volumeId: volume.id, volumeContext: volume.context, capability, readOnly },
    ...{ stagingPath: stagingPath(world, volume), targetPath: targetPath(world, target) },
  };
  const isReadOnly = readOnly || capability.mode === 'SINGLE_NODE_READER_ONLY';
  const refusals = refusalsOf(world.model, volume, target, capability.mode, isReadOnly);
  const found = await ended(volume.server, () => world.service.publish(request, signal()), refusals);
  if (found.type === 'unknown') throw new Error('NodePublishVolume waits for the server');
  if (found.type === 'ok') volume.targets.set(target, { readOnly: isReadOnly });
}

export async function unpublish(world: ShareWorld, volume: ShareVolume, target: string): Promise<void> {
  await world.service.unpublish({ volumeId: volume.id, targetPath: targetPath(world, target) }, signal());
  volume.targets.delete(target);
}

/** CSI, NodePublishVolume: the table of what a second call means, and its errors. */
function refusalsOf(
  model: ShareModel,
  volume: ShareVolume,
  target: string,
  asked: string,
  readOnly: boolean,
): ErrorCode[] {
  if (!volume.staged) return ['precondition'];
  const holder = volumeAt(model, target);
  if (holder !== undefined)
    return only(holder !== volume || volume.targets.get(target)?.readOnly !== readOnly, 'already-exists');
  return only(volume.targets.size > 0 && ONE_TARGET.includes(asked), 'precondition');
}

function volumeAt(model: ShareModel, target: string): ShareVolume | undefined {
  return [...model.volumes.values()].find(({ targets }) => targets.has(target));
}

/** Throws unless a published volume holds what the model says. */
export async function checkContent(world: ShareWorld, volume: ShareVolume, target: string): Promise<void> {
  const expected = [...volume.content].filter(([, value]) => value !== 0).sort(([one], [other]) => one - other);
  same(
    `the content of ${volume.name}`,
    [...(await readSlots({ access: 'mount' }, targetPath(world, target)))],
    expected,
  );
}
