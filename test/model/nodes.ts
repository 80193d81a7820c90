import fc from 'fast-check';
import type { ErrorCode } from '../../src/errors.ts';
import type { Capability } from '../../src/volumes/requests.ts';
import type { Stats } from '../../src/volumes/service.ts';
import { block, mount, signal } from '../support/driver.ts';
import { readSlots, SLOTS, writeSlot } from './content.ts';
import { type Model, type ModelVolume, pick, pickId, volumeAt } from './model.ts';
import { any, type StepKind, seldom, step } from './step.ts';
import { expansionFor, only, refusalsOfExpansion, sizeIn } from './volumes.ts';
import { holds, MAX_ATTACHED, outcome, poolOf, same, type World } from './world.ts';

const NODE = 'node-1';
const TARGETS = ['pod-1', 'pod-2', 'pod-3', 'pod-4', 'pod-5', 'pod-6'];

const mode = fc.constantFrom(
  ...(['SINGLE_NODE_MULTI_WRITER', 'SINGLE_NODE_MULTI_WRITER', 'SINGLE_NODE_WRITER'] as const),
  ...(['SINGLE_NODE_SINGLE_WRITER', 'SINGLE_NODE_READER_ONLY', 'MULTI_NODE_MULTI_WRITER'] as const),
);
/** Mostly as the volume was made. */
const otherAccess = seldom;

export const NODE_STEPS: readonly StepKind[] = [
  step(3, 'attach', { volume: any, readOnly: fc.boolean(), elsewhere: seldom }, async (world, args) => {
    const { id, volume } = find(world.model, args.volume, isFree);
    const nodeId = args.elsewhere ? 'node-2' : NODE;
    const capability = usual(volume);
    const call = world.at.service.attach(
      { volumeId: id, nodeId, capability, readOnly: args.readOnly, volumeContext: {} },
      signal(),
    );
    const count = [...world.model.volumes.values()].filter(({ attached }) => attached.size > 0).length;
    const now = volume?.attached.get(NODE);
    const refusals = [
      ...only(volume === undefined || args.elsewhere, 'not-found'),
      ...only(now !== undefined && now.readOnly !== args.readOnly, 'already-exists'),
      ...only(now === undefined && count >= MAX_ATTACHED, 'exhausted'),
    ];
    const found = await outcome(call, refusals);
    if (found !== undefined) volume?.attached.set(NODE, { readOnly: args.readOnly });
  }),
  step(2, 'detach', { volume: any, all: fc.boolean() }, async (world, { volume: number, all }) => {
    const { id, volume } = find(world.model, number);
    await outcome(world.at.service.detach({ volumeId: id, nodeId: all ? undefined : NODE }, signal()), []);
    volume?.attached.clear();
  }),
  step(10, 'stage', { volume: any, mode, otherAccess }, async (world, args) => {
    const { id, volume } = find(world.model, args.volume, isUnstaged);
    const capability = capabilityOf(volume, args);
    const found = await outcome(world.at.stage(id, capability), [
      ...refusalsOfUse(volume, capability),
      ...only(volume !== undefined && !growsTo(world, volume, volume.sizeBytes), 'precondition'),
    ]);
    if (found === undefined || volume === undefined) return;
    volume.staged = true;
    volume.fsBytes = volume.sizeBytes;
  }),
  step(3, 'unstage', { volume: any }, async (world, { volume: number }) => {
    const { id, volume } = find(world.model, number, isStaged);
    const isPublished = volume !== undefined && volume.targets.size > 0;
    const found = await outcome(world.at.unstage(id), only(isPublished, 'precondition'));
    if (found !== undefined && volume !== undefined) volume.staged = false;
  }),
  step(14, 'publish', { volume: any, target: any, mode, readOnly: seldom, otherAccess }, async (world, args) => {
    const { id, volume } = find(world.model, args.volume, isStaged);
    const capability = capabilityOf(volume, args);
    const target = pick(TARGETS, args.target);
    const readOnly = args.readOnly || capability.mode === 'SINGLE_NODE_READER_ONLY';
    const found = await outcome(world.at.publish(id, target, { capability, readOnly: args.readOnly }), [
      ...refusalsOfUse(volume, capability),
      ...refusalsOfTarget(world.model, volume, target, capability, readOnly),
    ]);
    if (found !== undefined) volume?.targets.set(target, { readOnly });
  }),
  step(4, 'unpublish', { volume: any, target: any, published: fc.boolean() }, async (world, args) => {
    const used = TARGETS.filter((name) => volumeAt(world.model, name) !== undefined);
    const target = pick(args.published && used.length > 0 ? used : TARGETS, args.target);
    const volume = volumeAt(world.model, target);
    await outcome(world.at.unpublish(volume?.id ?? pickId(world.model, 'volume', args.volume), target), []);
    volume?.targets.delete(target);
  }),
  step(14, 'write', { target: any, slot: fc.nat(SLOTS - 1), value: fc.nat(255) }, async (world, args) => {
    const used = TARGETS.filter((name) => volumeAt(world.model, name) !== undefined);
    if (used.length === 0) return;
    const target = pick(used, args.target);
    const volume = volumeAt(world.model, target);
    if (volume === undefined) return;
    const isReadOnly = volume.targets.get(target)?.readOnly === true;
    const written = await writeSlot(volume.access, world.at.target(target), args.slot, args.value);
    holds(
      written !== isReadOnly,
      `a ${isReadOnly ? 'read-only' : 'writable'} target ${written ? 'took' : 'refused'} a write`,
    );
    if (written) volume.content = new Map([...volume.content, [args.slot, args.value]]);
    same(`the content of ${volume.name}`, [...(await readSlots(volume, world.at.target(target)))], sorted(volume));
  }),
  step(
    4,
    'expand on the node',
    {
      volume: any,
      path: any,
      extraBytes: fc.constantFrom(0, 0, 4 * 1024 ** 2),
      limit: fc.constant('none'),
      huge: seldom,
    },
    async (world, args) => {
      const { id, volume } = find(world.model, args.volume, isStaged);
      const size = expansionFor(world, volume, args);
      const paths = [world.at.stagingPath(id), ...[...(volume?.targets.keys() ?? [])].map(world.at.target)];
      const before = volume?.staged === true ? await totalBytes(world, id) : 0;
      const call = world.at.service.expandOnNode(
        { volumeId: id, volumePath: pick(paths, args.path), stagingPath: undefined, size, capability: undefined },
        signal(),
      );
      const refusals = refusalsOfExpansion(world, volume, size);
      const mounted = volume?.staged === true;
      if (!mounted || refusals.length > 0) {
        await outcome(call, [...refusals, ...only(!mounted, 'not-found')]);
        return;
      }
      const bytes = Math.max(volume.sizeBytes, sizeIn(poolOf(world, volume.pool), size.requiredBytes));
      const found = await outcome(call, only(!growsTo(world, volume, bytes), 'precondition'));
      volume.sizeBytes = bytes;
      if (found === undefined) return;
      same('the size on the node', found.value, bytes);
      const after = await totalBytes(world, id);
      holds(
        after > before === bytes > volume.fsBytes,
        `it grew from ${volume.fsBytes} to ${bytes}, its total from ${before} to ${after}`,
      );
      volume.fsBytes = bytes;
    },
  ),
  step(2, 'stats', { volume: any }, async (world, { volume: number }) => {
    const { id, volume } = find(world.model, number, isStaged);
    const found = await outcome(stats(world, id), only(volume?.staged !== true, 'not-found'));
    if (found === undefined || volume === undefined) return;
    const total = found.value.usage?.bytes.total ?? 0;
    holds(total > 0 && total <= volume.sizeBytes, `${volume.sizeBytes} bytes, said to be ${total}`);
    same('its condition', found.value.condition, { abnormal: false, message: 'in order' });
  }),
];

function stats({ at }: World, volumeId: string): Promise<Stats> {
  return at.service.stats({ volumeId, volumePath: at.stagingPath(volumeId), stagingPath: undefined }, signal());
}

async function totalBytes(world: World, volumeId: string): Promise<number> {
  return (await stats(world, volumeId)).usage?.bytes.total ?? 0;
}

const isFree = (volume: ModelVolume) => volume.attached.size === 0;
const isStaged = (volume: ModelVolume) => volume.staged;
const isUnstaged = (volume: ModelVolume) => !volume.staged;

/** Slots in order; those that hold nothing left out. */
function sorted(volume: ModelVolume): [number, number][] {
  return [...volume.content].filter(([, value]) => value !== 0).sort(([one], [other]) => one - other);
}

function find(
  model: Model,
  number: number,
  prefer?: (volume: ModelVolume) => boolean,
): { id: string; volume: ModelVolume | undefined } {
  const id = pickId(model, 'volume', number, prefer);
  return { id, volume: model.volumes.get(id) };
}

/** A file system that cannot grow here keeps a larger volume from being staged. */
function growsTo(world: World, volume: ModelVolume, bytes: number): boolean {
  return volume.access === 'block' || poolOf(world, volume.pool).growsMounted || volume.fsBytes >= bytes;
}

function usual(volume: ModelVolume | undefined): Capability {
  return volume?.access === 'block' ? block() : mount();
}

function capabilityOf(
  volume: ModelVolume | undefined,
  args: { readonly mode: Capability['mode']; readonly otherAccess: boolean },
): Capability {
  const isBlock = (volume?.access === 'block') !== args.otherAccess;
  return isBlock ? block(args.mode) : mount(args.mode);
}

/** Of stage and publish. */
function refusalsOfUse(volume: ModelVolume | undefined, { access, mode: asked }: Capability): ErrorCode[] {
  if (volume === undefined) return ['not-found'];
  return [
    ...only(asked.startsWith('MULTI_NODE'), 'invalid'),
    // A pool without raw block may say so instead of saying that this volume is none.
    ...(access.type === volume.access ? [] : (['precondition', 'invalid'] as const)),
  ];
}

const ONE_TARGET: readonly string[] = ['SINGLE_NODE_WRITER', 'SINGLE_NODE_SINGLE_WRITER', 'SINGLE_NODE_READER_ONLY'];

/** CSI, NodePublishVolume: the table of what a second call means, and its errors. */
function refusalsOfTarget(
  model: Model,
  volume: ModelVolume | undefined,
  target: string,
  capability: Capability,
  readOnly: boolean,
): ErrorCode[] {
  if (volume === undefined) return [];
  if (!volume.staged) return ['precondition'];
  const holder = volumeAt(model, target);
  if (holder !== undefined) {
    return only(holder !== volume || volume.targets.get(target)?.readOnly !== readOnly, 'already-exists');
  }
  const others = [...volume.targets.values()];
  return [
    ...only(others.length > 0 && ONE_TARGET.includes(capability.mode), 'precondition'),
    // A device is read-only as a whole.
    ...only(volume.access === 'block' && others.some((other) => other.readOnly !== readOnly), 'precondition'),
  ];
}
