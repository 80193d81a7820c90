import fc from 'fast-check';
import { roundUp } from '../../src/backends/sizes.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { block, MIB, mount, signal } from '../support/driver.ts';
import { byName, type ModelSnapshot, type ModelVolume, pick, pickId } from './model.ts';
import { any, type StepKind, seldom, step } from './step.ts';
import { holds, outcome, type PoolFacts, poolOf, same, type World, withItsCopy } from './world.ts';

/** Bytes above the pool's usual size; one is no multiple of a block. */
const extraBytes = fc.constantFrom(0, 0, 100, 4 * MIB, 8 * MIB);
const limit = fc.constantFrom('none', 'none', 'none', 'exact', 'below');

interface Wanted {
  readonly name: string;
  readonly pool: string;
  readonly access: 'mount' | 'block';
  readonly requiredBytes: number;
  readonly limitBytes: number | undefined;
  readonly source: ModelVolume['source'];
}

export const VOLUME_STEPS: readonly StepKind[] = [
  step(12, 'create', { name: fc.nat(5), pool: any, block: seldom, extraBytes, limit }, async (world, args) => {
    const pool = pick(world.pools, args.pool);
    const requiredBytes = pool.volumeBytes + args.extraBytes;
    const access = args.block ? 'block' : 'mount';
    await create(world, {
      ...{ name: `volume-${args.name}`, pool: pool.name, access, source: undefined, requiredBytes },
      limitBytes: limitFor(pool, args.limit, requiredBytes),
    });
  }),
  step(
    6,
    'create as a copy',
    {
      name: fc.nat(5),
      kind: fc.constantFrom('volume', 'snapshot'),
      source: any,
      extraBytes,
      other: seldom,
      least: seldom,
    },
    async (world, { name, kind, source: number, extraBytes: extra, other, least }) => {
      const source = { kind, id: pickId(world.model, kind, number) };
      const found = findSource(world, source);
      const elsewhere = world.pools.filter((pool) => pool.name !== found?.pool);
      await create(world, {
        name: `volume-${name}`,
        pool: found === undefined || other ? pick(elsewhere, number).name : found.pool,
        access: found?.access ?? 'mount',
        requiredBytes: least ? 4096 : (found?.sizeBytes ?? MIB) + (canGrow(world, found) ? extra : 0),
        limitBytes: undefined,
        source,
      });
    },
  ),
  step(3, 'create again', { volume: any, change: fc.nat(6) }, async (world, { volume: number, change }) => {
    const volume = world.model.volumes.get(pickId(world.model, 'volume', number));
    if (volume === undefined) return;
    const { name, pool, access, source, sizeBytes } = volume;
    const asked = { name, pool, access, source, requiredBytes: sizeBytes, limitBytes: undefined };
    const other = pick(
      world.pools.map((one) => one.name).filter((one) => one !== pool),
      number,
    );
    const changes: readonly Partial<Wanted>[] = [
      ...[{}, {}, { requiredBytes: 4096 }, { requiredBytes: sizeBytes + 4096 }, { pool: other }],
      ...[
        { requiredBytes: 4096, limitBytes: sizeBytes - 4096 },
        { access: access === 'mount' ? 'block' : 'mount' } as const,
      ],
    ];
    await create(world, { ...asked, ...pick(changes, change) });
  }),
  step(1, 'create too large', { pool: any }, async (world, { pool: number }) => {
    const pool = pick(world.pools, number);
    const requiredBytes = sizeIn(pool, pool.totalBytes) + 4096;
    await create(world, {
      name: 'too-large',
      pool: pool.name,
      access: 'mount',
      requiredBytes,
      limitBytes: undefined,
      source: undefined,
    });
  }),
  step(3, 'delete', { volume: any, again: seldom }, async (world, { volume: number, again }) => {
    const id = pickId(world.model, 'volume', number);
    const volume = world.model.volumes.get(id);
    const deletion = volume === undefined ? 'done' : world.rules.deletion(volume);
    if (deletion === 'left') return;
    for (let time = 0; time < (again ? 2 : 1); time++)
      await outcome(
        world.at.service.deleteVolume({ volumeId: id }, signal()),
        only(deletion === 'refused', 'precondition'),
      );
    if (volume === undefined || deletion === 'refused') return;
    world.model.volumes.delete(id);
    world.model.gone.volume.push(id);
  }),
  step(3, 'expand', { volume: any, extraBytes, limit, huge: seldom }, async (world, args) => {
    const id = pickId(world.model, 'volume', args.volume);
    const volume = world.model.volumes.get(id);
    const size = expansionFor(world, volume, args);
    const found = await outcome(
      world.at.service.expandVolume({ volumeId: id, size, capability: undefined }, signal()),
      refusalsOfExpansion(world, volume, size),
    );
    if (found === undefined || volume === undefined) return;
    const pool = poolOf(world, volume.pool);
    volume.sizeBytes = Math.max(volume.sizeBytes, sizeIn(pool, size.requiredBytes));
    const nodeExpansionRequired = pool.features.ownSuperblock && volume.access === 'mount';
    if (!nodeExpansionRequired) volume.fsBytes = volume.sizeBytes;
    same('the expansion', found.value, { sizeBytes: volume.sizeBytes, nodeExpansionRequired });
  }),
];

function limitFor(pool: PoolFacts, kind: string, requiredBytes: number): number | undefined {
  if (kind === 'none') return undefined;
  return kind === 'exact' ? sizeIn(pool, requiredBytes) : sizeIn(pool, requiredBytes) - 1;
}

/** What a volume for so many bytes has in that pool. */
export function sizeIn({ features }: PoolFacts, requiredBytes: number): number {
  return roundUp(requiredBytes, features.sizeStepBytes);
}

/** A size for growth: what it has, more, or more than the pool has. */
export function expansionFor(
  world: World,
  volume: ModelVolume | undefined,
  args: { readonly extraBytes: number; readonly limit: string; readonly huge: boolean },
): { requiredBytes: number; limitBytes: number | undefined } {
  if (volume === undefined) return { requiredBytes: MIB, limitBytes: undefined };
  const pool = poolOf(world, volume.pool);
  const more = canGrow(world, volume) ? args.extraBytes : 0;
  const requiredBytes = volume.sizeBytes + more + (args.huge ? pool.totalBytes : 0);
  return { requiredBytes, limitBytes: limitFor(pool, args.limit, requiredBytes) };
}

/** CSI, "ControllerExpandVolume Errors"; a pool without expansion as docs/reference/csi.md says. */
export function refusalsOfExpansion(
  world: World,
  volume: ModelVolume | undefined,
  size: { readonly requiredBytes: number; readonly limitBytes: number | undefined },
): ErrorCode[] {
  if (volume === undefined) return ['not-found'];
  const pool = poolOf(world, volume.pool);
  const { features, totalBytes } = pool;
  const bytes = Math.max(volume.sizeBytes, sizeIn(pool, size.requiredBytes));
  return [
    ...only(features.expansion === 'none', 'invalid'),
    ...only(size.limitBytes !== undefined && bytes > size.limitBytes, 'out-of-range'),
    ...only(bytes > volume.sizeBytes && bytes > totalBytes, 'exhausted'),
  ];
}

/** Calls CreateVolume with what is wanted, and enters the volume into the model. */
export async function create(world: World, wanted: Wanted): Promise<ModelVolume | undefined> {
  const { name, requiredBytes: sizeBytes, limitBytes, source } = wanted;
  const capability = wanted.access === 'block' ? block() : mount();
  const call = withItsCopy(world, () =>
    world.at.create(name, {
      ...{ sizeBytes, capability, source, parameters: { pool: wanted.pool } },
      ...(limitBytes === undefined ? {} : { limitBytes }),
    }),
  );
  const known = byName(world.model.volumes, name);
  const refusals = known === undefined ? refusalsOfNew(world, wanted) : refusalsOfKnown(known, wanted);
  const found = await outcome(call, refusals);
  if (found === undefined) return undefined;
  const { value: info } = found;
  const expected = known?.sizeBytes ?? sizeOf(world, wanted);
  const { exactSizes } = poolOf(world, wanted.pool).features;
  holds(
    info.sizeBytes === expected || (!exactSizes && info.sizeBytes >= expected),
    `${info.sizeBytes} bytes, not ${expected}`,
  );
  world.rules.checkContext(info, wanted.pool);
  same('its source', info.source, source);
  if (known !== undefined) {
    same('its id', info.id, known.id);
    return known;
  }
  holds(
    !world.model.volumes.has(info.id) && !world.model.gone.volume.includes(info.id),
    `id ${info.id} is given again`,
  );
  const from = findSource(world, source);
  const { id } = info;
  const volume: ModelVolume = {
    ...{ id, name, pool: wanted.pool, access: wanted.access, source, sizeBytes: info.sizeBytes },
    fsBytes: from?.fsBytes ?? info.sizeBytes,
    content: from?.content ?? new Map(),
    attached: new Map(),
    staged: false,
    targets: new Map(),
  };
  world.model.volumes.set(id, volume);
  return volume;
}

/** CSI, "CreateVolume Errors", for a name that is free. */
function refusalsOfNew(world: World, wanted: Wanted): ErrorCode[] {
  const pool = poolOf(world, wanted.pool);
  const source = findSource(world, wanted.source);
  if (wanted.source !== undefined && source === undefined) return ['not-found'];
  const copies = wanted.source?.kind === 'snapshot' ? pool.features.snapshots : pool.features.clones;
  const size = sizeOf(world, wanted);
  const isMoving = source !== undefined && 'staged' in source && isTorn(pool, source);
  return [
    ...only(wanted.access === 'block' && !pool.features.block, 'invalid'),
    ...only(source !== undefined && (source.pool !== pool.name || copies === 'none'), 'invalid'),
    ...only(source !== undefined && source.access !== wanted.access, 'invalid'),
    ...only(source !== undefined && wanted.requiredBytes < source.sizeBytes, 'out-of-range'),
    ...only(wanted.limitBytes !== undefined && size > wanted.limitBytes, 'out-of-range'),
    ...only(!pool.features.exactSizes && wanted.limitBytes !== undefined, 'out-of-range'), // the model's disks are larger than any limit
    ...only(size > pool.totalBytes, 'exhausted'),
    ...only(isMoving, 'precondition'),
  ];
}

/** The same name again: CSI, "Volume already exists but is incompatible". */
function refusalsOfKnown(known: ModelVolume, wanted: Wanted): ErrorCode[] {
  const differs =
    wanted.requiredBytes > known.sizeBytes ||
    (wanted.limitBytes !== undefined && known.sizeBytes > wanted.limitBytes) ||
    wanted.pool !== known.pool ||
    wanted.access !== known.access ||
    wanted.source?.id !== known.source?.id;
  return only(differs, 'already-exists');
}

function sizeOf(world: World, wanted: Wanted): number {
  return sizeIn(
    poolOf(world, wanted.pool),
    Math.max(wanted.requiredBytes, findSource(world, wanted.source)?.sizeBytes ?? 0),
  );
}

function findSource({ model }: World, source: ModelVolume['source']): ModelVolume | ModelSnapshot | undefined {
  if (source === undefined) return undefined;
  return source.kind === 'volume' ? model.volumes.get(source.id) : model.snapshots.get(source.id);
}

/** A raw block device in use cannot be held still; only where files are cloned is its copy of one moment all the same. */
export function isTorn(pool: PoolFacts, volume: ModelVolume): boolean {
  return pool.features.ownSuperblock && pool.features.clones === 'copy' && volume.access === 'block' && volume.staged;
}

function canGrow(world: World, item: { readonly pool: string; readonly access: string } | undefined): boolean {
  return item !== undefined && (item.access === 'block' || poolOf(world, item.pool).growsMounted);
}

export function only(condition: boolean, code: ErrorCode): ErrorCode[] {
  return condition ? [code] : [];
}
