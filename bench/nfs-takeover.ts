import { setTimeout as sleep } from 'node:timers/promises';
import {
  attach,
  clonedInPool,
  createdInPool,
  detach,
  inPod,
  outOfPod,
  startHolder,
  startManagedServer,
} from '../test/lab/support-managed.ts';
import { initializeDatabase, startDatabase } from '../test/lab/support-mariadb.ts';
import { type LabNode, startNode } from '../test/lab/support-nodes.ts';
import { type LabVolume, remove } from '../test/lab/support-volumes.ts';
import { interrupt } from './interrupt.ts';
import { say } from './rounds.ts';

/** From ControllerUnpublishVolume for the first node on: when each step to the second node's first write was done. */
export interface Takeover {
  readonly detachedMs: number; // fenced
  readonly attachedMs: number;
  readonly mountedMs: number; // NodeStageVolume, NodePublishVolume
  readonly writtenMs: number; // a file opened, locked, written and synced; of a database a row committed
}

/** Volumes taken from a node, in alternation: one that has files open and locked, or a database running, and one that has let go of all. */
export interface TakeoverPairs {
  readonly what: string;
  readonly busy: readonly Takeover[];
  readonly idle: readonly Takeover[];
}

export interface TakeoverResult {
  readonly pairs: readonly TakeoverPairs[];
  /** Shut out, but with what it holds not dropped: when the second node got its lock; undefined: not within UNDROPPED_MS. */
  readonly undroppedMs: number | undefined;
}

interface Cluster {
  readonly server: LabNode;
  readonly first: LabNode;
  readonly second: LabNode;
}

const FILES = 16;
const DATABASE_MIB = 192;
const ROWS = 10;
const DATABASE_SHARE = 4; // a database takes so many times as long
/** For how long that is tried. */
export const UNDROPPED_MS = 60_000;
const LOCK_EVERY_MS = 500;

/** In the lab only: it needs nodes with networks of their own. */
export async function measureTakeover(rounds: number): Promise<TakeoverResult> {
  if (process.env.STOWAGE_LAB === undefined)
    throw new Error('--nfs-takeover runs in the lab: see docs/how-to/measure.md');
  const nodes: LabNode[] = [];
  const started = async (node: Promise<LabNode>) => {
    nodes.unshift(await node);
    return node;
  };
  try {
    const server = await started(startManagedServer('server'));
    const first = await started(startNode('worker-1'));
    const second = await started(startNode('worker-2'));
    const cluster = { server, first, second };
    await takeFiles(cluster, 'warm', true);
    const files = await alternate(`${FILES} files open and locked`, rounds, (name, isBusy) =>
      takeFiles(cluster, name, isBusy),
    );
    const databases = await measureDatabase(cluster, Math.ceil(rounds / DATABASE_SHARE));
    return { pairs: [files, databases], undroppedMs: await takeUndropped(cluster) };
  } finally {
    for (const node of nodes) await node.stop();
  }
}

async function alternate(
  what: string,
  rounds: number,
  take: (name: string, isBusy: boolean) => Promise<Takeover>,
): Promise<TakeoverPairs> {
  const busy: Takeover[] = [];
  const idle: Takeover[] = [];
  say(`a volume is taken over: ${what}`);
  for (let round = 0; round < rounds; round++) {
    for (const isBusy of round % 2 === 0 ? [true, false] : [false, true]) {
      interrupt.throwIfAborted();
      (isBusy ? busy : idle).push(await take(`take-${round}-${isBusy ? 'busy' : 'idle'}`, isBusy));
    }
  }
  return { what, busy, idle };
}

async function takeFiles({ server, first, second }: Cluster, name: string, isBusy: boolean): Promise<Takeover> {
  const volume = await createdInPool(server, name);
  await attach(server, volume, first);
  const path = await inPod(first, volume);
  const held = startHolder(first);
  for (let file = 0; file < FILES; file++) await expectAnswer(held.ask(`lock ${path}/file-${file}`), 'locked');
  await expectAnswer(held.ask('write before'), 'written');
  if (!isBusy) {
    held.end();
    await outOfPod(first, volume);
  }
  const next = startHolder(second);
  await expectAnswer(next.ask('open /dev/null'), 'opened'); // it has started
  const takeover = await take({ server, first, second }, volume, async (there) => {
    await expectAnswer(next.ask(`lock ${there}/file-0`), 'locked');
    await expectAnswer(next.ask('write after'), 'written');
  });
  for (const holder of [held, next]) holder.end();
  await outOfPod(first, volume);
  await removed(server, volume, second);
  return takeover;
}

async function measureDatabase(cluster: Cluster, rounds: number): Promise<TakeoverPairs> {
  const { server, first } = cluster;
  const template = await createdInPool(server, 'template', DATABASE_MIB);
  await attach(server, template, first);
  await initializeDatabase(first, await inPod(first, template));
  await outOfPod(first, template);
  await detach(server, template, first);
  const pairs = await alternate('MariaDB, which commits rows', rounds, (name, isBusy) =>
    takeDatabase(cluster, template, `database-${name}`, isBusy),
  );
  await remove(server, template);
  return pairs;
}

async function takeDatabase(cluster: Cluster, template: LabVolume, name: string, isBusy: boolean): Promise<Takeover> {
  const { server, first, second } = cluster;
  const volume = await clonedInPool(server, name, template);
  await attach(server, volume, first);
  const database = await startDatabase(first, await inPod(first, volume));
  const rows = database.commitRows(0);
  await rows.progress(ROWS);
  if (!isBusy) {
    await rows.end();
    await database.query('SHUTDOWN');
    await database.ended();
    await outOfPod(first, volume);
  }
  const from = rows.acknowledged() + 1_000_000; // the first one goes on meanwhile
  const takeover = await take(cluster, volume, async (there) => {
    const next = await startDatabase(second, there);
    const more = next.commitRows(from);
    await more.progress(1);
    await more.end();
    await next.kill();
  });
  await database.kill();
  await outOfPod(first, volume);
  await removed(server, volume, second);
  return takeover;
}

async function take(
  { server, first, second }: Cluster,
  volume: LabVolume,
  write: (path: string) => Promise<void>,
): Promise<Takeover> {
  const startedMs = performance.now();
  const passedMs = () => performance.now() - startedMs;
  await detach(server, volume, first);
  const detachedMs = passedMs();
  await attach(server, volume, second);
  const attachedMs = passedMs();
  const path = await inPod(second, volume);
  const mountedMs = passedMs();
  await write(path);
  return { detachedMs, attachedMs, mountedMs, writtenMs: passedMs() };
}

/** What it would be if the export alone were taken away. The driver is away meanwhile, or would export it anew, as its record says. */
async function takeUndropped({ server, first, second }: Cluster): Promise<number | undefined> {
  say('a volume is taken over: what the first node holds is not dropped');
  const volume = await createdInPool(server, 'undropped');
  for (const node of [first, second]) await attach(server, volume, node);
  const held = startHolder(first);
  await expectAnswer(held.ask(`lock ${await inPod(first, volume)}/file`), 'locked');
  const there = await inPod(second, volume);
  const next = startHolder(second);
  await server.kill();
  await server.exec('exportfs', '-u', `${first.address}:${server.folder}/state/exports${volume.context.share}`);
  await server.exec('exportfs', '-f');
  const startedMs = performance.now();
  let isLocked = false;
  while (!isLocked && performance.now() - startedMs < UNDROPPED_MS) {
    interrupt.throwIfAborted();
    isLocked = (await next.ask(`lock ${there}/file`)) === 'locked';
    if (!isLocked) await sleep(LOCK_EVERY_MS);
  }
  const tookMs = performance.now() - startedMs;
  await server.start();
  for (const holder of [held, next]) holder.end();
  await outOfPod(first, volume);
  await detach(server, volume, first);
  await removed(server, volume, second);
  return isLocked ? tookMs : undefined;
}

async function expectAnswer(answer: Promise<string>, expected: string): Promise<void> {
  const said = await answer;
  if (said !== expected) throw new Error(`not ${expected}: ${said}`);
}

async function removed(server: LabNode, volume: LabVolume, last: LabNode): Promise<void> {
  await outOfPod(last, volume);
  await detach(server, volume, last);
  await remove(server, volume);
}
