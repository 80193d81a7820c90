import { messageOf, StowageError } from '../../errors.ts';
import type { DiskContent, Item, Plan, PoolCapacity, Wish } from '../backend.ts';
import { MIB } from '../sizes.ts';
import type { DiskPool } from './context.ts';
import { whyNotFree } from './free.ts';
import { type FoundDisk, type Look, look } from './look.ts';
import { takenDisks } from './taken.ts';

/** mkfs.xfs(8) refuses less than 300 MiB; ext4 has a journal from 8 MiB on. */
const LEAST_BYTES = { ext4: 16 * MIB, xfs: 300 * MIB } as const;
/** How many disks are looked at at once, each by a few short children. */
const BATCH = 8;
const SHOWN_MAX = 8;

/** Chooses the smallest free disk that fits; see Backend.plan. */
export async function planDisk(pool: DiskPool, wish: Wish, items: readonly Item[]): Promise<Plan> {
  if (wish.source !== undefined) {
    throw new StowageError('unsupported', `pool ${pool.settings.name} keeps whole disks, which are never copied`);
  }
  const now = await look(pool);
  checkFsType(pool, wish, now.disks);
  const { requiredBytes, limitBytes = Number.MAX_SAFE_INTEGER } = wish;
  const able = now.disks.flatMap((found) => {
    const content = contentFor(pool, found, wish.access);
    return content === undefined ? [] : [{ found, content }];
  });
  if (able.length > 0 && able.every(({ found }) => found.sizeBytes > limitBytes)) {
    throw new StowageError(
      'out-of-range',
      `a volume of at most ${limitBytes} bytes was asked for, but pool ${pool.settings.name} gives whole disks, and each is larger: ${sizes(able.map(({ found }) => found))}; ask with a higher limit or without one`,
    );
  }
  const isTaken = await takenDisks(pool, items);
  const free: FoundDisk[] = [];
  for (const { found, content } of able.sort((first, second) => first.found.sizeBytes - second.found.sizeBytes)) {
    if (isTaken(found) || (await problemOf(pool, found, now)) !== undefined) continue;
    if (found.sizeBytes >= requiredBytes && found.sizeBytes <= limitBytes) {
      return { sizeBytes: found.sizeBytes, layout: { backend: 'disk', disk: found.id, content } };
    }
    free.push(found);
  }
  throw nothingFits(pool, wish, free);
}

/** All disks that are volumes' or can be; what is not free for another reason does not count. */
export async function diskCapacity(pool: DiskPool, items: readonly Item[]): Promise<PoolCapacity> {
  const now = await look(pool);
  const isTaken = await takenDisks(pool, items);
  const candidates = now.disks.filter((found) => !isTaken(found));
  const free: number[] = [];
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    const problems = await Promise.all(batch.map((found) => problemOf(pool, found, now)));
    free.push(...batch.flatMap(({ sizeBytes }, index) => (problems[index] === undefined ? [sizeBytes] : [])));
  }
  reportRefused(pool, now);
  const freeBytes = sum(free);
  return {
    totalBytes: freeBytes + sum(items.map(({ sizeBytes }) => sizeBytes)),
    freeBytes,
    usedByVolumesBytes: undefined,
    largestBytes: Math.max(0, ...free),
  };
}

/** What a disk would hold for such an access; undefined where it cannot. */
function contentFor(pool: DiskPool, found: FoundDisk, access: Wish['access']): DiskContent | undefined {
  if (access.type === 'block') return found.type === 'device' ? { type: 'block' } : undefined;
  if (found.type === 'folder') {
    return access.fsType && access.fsType !== found.mount.fsType ? undefined : { type: 'folder' };
  }
  const fsType = access.fsType || pool.settings.fsType;
  if (fsType !== 'ext4' && fsType !== 'xfs') return undefined;
  return found.sizeBytes < LEAST_BYTES[fsType] ? undefined : { type: 'mount', fsType };
}

function checkFsType(pool: DiskPool, { access }: Wish, disks: readonly FoundDisk[]): void {
  if (access.type === 'block' || !access.fsType) return;
  const mounted = disks.flatMap((found) => (found.type === 'folder' ? [found.mount.fsType] : []));
  const possible = [...new Set(['ext4', 'xfs', ...mounted])];
  if (possible.includes(access.fsType)) return;
  throw new StowageError(
    'invalid',
    `fs type ${access.fsType} was asked for, but the disks of pool ${pool.settings.name} can have ${possible.join(', ')}`,
  );
}

/** Why the disk cannot be taken now; one that cannot even be asked is not taken either. Logged when it changes. */
async function problemOf(pool: DiskPool, found: FoundDisk, now: Look): Promise<string | undefined> {
  const problem = await whyNotFree(pool, found, now.table, 'recent').catch(messageOf);
  report(pool, found.name, problem);
  return problem;
}

function reportRefused(pool: DiskPool, { refused }: Look): void {
  for (const [name, reason] of refused) report(pool, name, reason);
}

function report(pool: DiskPool, name: string, problem: string | undefined): void {
  if (pool.reported.get(name) === problem) return;
  if (problem === undefined) return void pool.reported.delete(name);
  pool.reported.set(name, problem);
  pool.log.warn({ pool: pool.settings.name, disk: name, problem }, 'a disk is left alone');
}

function nothingFits(pool: DiskPool, wish: Wish, free: readonly FoundDisk[]): StowageError {
  const { requiredBytes, limitBytes, access } = wish;
  const what = access.type === 'block' ? 'raw block' : access.fsType || 'mount';
  const limit = limitBytes === undefined ? '' : `, at most ${limitBytes}`;
  const there = free.length === 0 ? 'none of that kind is free' : `free are ${sizes(free)}`;
  const others = [...pool.reported].slice(0, SHOWN_MAX).map(([name, problem]) => `${name}: ${problem}`);
  const left = others.length === 0 ? '' : `; left alone are ${others.join('; ')}`;
  return new StowageError(
    'exhausted',
    `pool ${pool.settings.name} has no free disk for a ${what} volume of ${requiredBytes} bytes${limit}: ${there}${left}; add a disk, or delete a volume`,
  );
}

function sizes(disks: readonly FoundDisk[]): string {
  const shown = disks.slice(0, SHOWN_MAX).map(({ name, sizeBytes }) => `${name} (${sizeBytes} bytes)`);
  return shown.join(', ') + (disks.length > SHOWN_MAX ? ` and ${disks.length - SHOWN_MAX} more` : '');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, bytes) => total + bytes, 0);
}
