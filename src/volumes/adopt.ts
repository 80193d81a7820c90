import type { Backend, Item, SharePlace, Wish } from '../backends/backend.ts';
import { type ErrorCode, isStowageError, messageOf, StowageError } from '../errors.ts';
import { parseMountOptions } from '../nfs/options.ts';
import { parseShareSource, type ShareSource } from '../nfs/source.ts';
import { resolveSubDir } from '../nfs/sub-dir.ts';
import type { Context, ManagedPool } from './context.ts';
import { volumeInfo } from './create.ts';
import { folderName, hashPool, newId } from './ids.ts';
import { lockKey, withLocks } from './locks.ts';
import { itemOf, SCHEMA, type VolumeRecord } from './record.ts';
import type { OnDelete } from './requests.ts';
import { type Shares, shareName } from './shares.ts';

/** A folder of a share that shall be a volume as it is, with what another driver knew of it. */
export interface AdoptWish {
  readonly name: string; // the PersistentVolume's
  readonly server: string;
  readonly share: string;
  readonly subDir: string;
  readonly options: readonly string[]; // mount options
  readonly sizeBytes: number;
  readonly onDelete: OnDelete;
}

export interface AdoptRequest {
  readonly volumes: readonly AdoptWish[];
  readonly isDryRun: boolean;
}

/** What came of one of them. */
export type AdoptEvent =
  | {
      readonly type: 'adopted'; // in a dry run: would be
      readonly name: string;
      readonly id: string | undefined; // of a dry run that found none
      readonly context: Readonly<Record<string, string>>; // what nodes are told
      readonly wasThere: boolean;
    }
  | { readonly type: 'refused'; readonly name: string; readonly code: ErrorCode; readonly message: string };

export type ReportAdoption = (event: AdoptEvent) => void;

/** A wish, narrowed. */
interface Plan {
  readonly wish: AdoptWish;
  readonly source: ShareSource;
  readonly options: readonly string[];
  readonly place: SharePlace;
}

/**
 * Makes volumes of folders that are on shares already, one after another; what lies in them is neither read nor changed. Each gets its record first, then its claim, so that
 * a process which dies in between leaves a folder that nothing removes, and the same request goes on. The same name again has the same id.
 * @param report hears of each what came of it; one that is refused does not keep the others
 * @throws 'unsupported' for a driver without shares, the signal's reason where it was aborted in between
 */
export async function adoptVolumes(
  context: Context,
  { volumes, isDryRun }: AdoptRequest,
  report: ReportAdoption,
  signal: AbortSignal,
): Promise<void> {
  const { shares, log } = context;
  if (shares === undefined)
    throw new StowageError('unsupported', 'only the NFS driver adopts folders: its volumes are some');
  const planned: Plan[] = [];
  for (const wish of volumes) {
    signal.throwIfAborted();
    try {
      const plan = narrow(wish);
      report(await (isDryRun ? rehearse(context, shares, plan, planned) : adopt(context, shares, plan)));
      planned.push(plan);
    } catch (error) {
      const code = isStowageError(error) ? error.code : 'internal';
      log[code === 'internal' ? 'error' : 'info'](
        { name: wish.name, code, error: messageOf(error) },
        'a folder was not adopted',
      );
      report({ type: 'refused', name: wish.name, code, message: messageOf(error) });
    }
  }
}

/** @throws 'invalid' as for a StorageClass: templates, `..` and mount options that are none are refused */
function narrow(wish: AdoptWish): Plan {
  const subDir = resolveSubDir(wish.subDir, {});
  // A folder with the volume's own name is its alone, as one that CreateVolume names; all others that are kept may be several volumes'.
  const shared = wish.onDelete === 'retain' && !subDir.endsWith(wish.name);
  return {
    wish,
    source: parseShareSource(wish.server, wish.share),
    options: parseMountOptions(wish.options, 'mountOptions'),
    place: { subDir, shared },
  };
}

async function adopt(context: Context, shares: Shares, plan: Plan): Promise<AdoptEvent> {
  const { name } = plan.wish;
  const operation = `adopting ${name}`;
  return withLocks(context.locks, operation, [lockKey.name('volume', name)], async () => {
    const pool = await shares.open(plan.source, plan.options);
    const { uuid } = await pool.check();
    const known = find(context, plan);
    const { adoption } = pool.backend;
    await adoption?.check(plan.place);
    const record =
      known ??
      (await pool.turns(async () => {
        const { sizeBytes, layout } = await pool.backend.plan(backendWish(plan), pool.items);
        return context.store.add(newRecord(context, pool, plan, uuid, { sizeBytes, layout }));
      }));
    await withLocks(context.locks, operation, [lockKey.id(record.id)], async () => {
      if (context.catalog.volume(record.id)?.state !== 'ready')
        throw new StowageError('busy', `volume ${record.id} is being deleted; say the command again`);
      await adoption?.take(itemOf(record));
    });
    return adopted(context, record, known !== undefined);
  });
}

/** Says what `adopt` would, and changes nothing. */
async function rehearse(context: Context, shares: Shares, plan: Plan, planned: readonly Plan[]): Promise<AdoptEvent> {
  const pool = shares.known(plan.source);
  await pool?.check();
  const known = find(context, plan);
  const backend: Backend = pool?.backend ?? shares.look(plan.source, plan.options);
  await backend.adoption?.check(plan.place);
  if (known !== undefined) return adopted(context, known, true);
  const others = planned.filter(({ source }) => shareName(source) === shareName(plan.source)).map(itemOfPlan);
  await backend.plan(backendWish(plan), () => [...(pool?.items() ?? []), ...others]);
  const { name } = plan.wish;
  return {
    type: 'adopted',
    name,
    id: undefined,
    context: { ...plan.source, subDir: plan.place.subDir },
    wasThere: false,
  };
}

function adopted(context: Context, record: VolumeRecord, wasThere: boolean): AdoptEvent {
  return { type: 'adopted', name: record.name, id: record.id, context: volumeInfo(context, record).context, wasThere };
}

/** The volume of that name, adopted before. @throws 'already-exists' where it is another, 'busy' while it is being made */
function find(context: Context, { wish, source, place }: Plan): VolumeRecord | undefined {
  const record = context.catalog.byName('volume', wish.name);
  if (record === undefined) return undefined;
  const isSame =
    record.layout.backend === 'share' && record.pool === shareName(source) && record.layout.subDir === place.subDir;
  if (!isSame) {
    throw new StowageError(
      'already-exists',
      `volume ${record.id} has the name ${wish.name} already, and lies elsewhere; give the PersistentVolume another name`,
    );
  }
  if (record.state === 'ready') return record;
  throw new StowageError('busy', `volume ${record.id} of that name is being made; say the command again`);
}

function newRecord(
  context: Context,
  pool: ManagedPool,
  { wish: { name, onDelete } }: Plan,
  poolUuid: string,
  { sizeBytes, layout }: Pick<VolumeRecord, 'sizeBytes' | 'layout'>,
): VolumeRecord {
  const id = newId('volume', context.nodeHash, hashPool(poolUuid));
  return {
    schema: SCHEMA,
    generation: 1,
    kind: 'volume',
    id,
    name,
    createdAt: new Date().toISOString(),
    state: 'ready', // never `creating`, which is undone: the data was there before
    pool: pool.name,
    folder: folderName(name, id),
    sizeBytes,
    reservedBytes: sizeBytes,
    layout,
    access: 'mount',
    onDelete,
    attached: [],
  };
}

function backendWish({ wish, place }: Plan): Wish {
  return {
    requiredBytes: wish.sizeBytes,
    limitBytes: undefined,
    access: { type: 'mount', fsType: undefined },
    source: undefined,
    share: place,
  };
}

/** As if it had been adopted. */
function itemOfPlan({ wish: { name, sizeBytes }, place }: Plan): Item {
  return {
    kind: 'volume',
    id: name,
    folder: name,
    sizeBytes,
    reservedBytes: 0,
    layout: { backend: 'share', ...place },
  };
}
