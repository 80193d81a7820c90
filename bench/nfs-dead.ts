import { status } from '@grpc/grpc-js';
import { services } from '../src/csi/services.ts';
import { DEATHS, type Death, type Held, heldBy } from '../test/lab/support-dead-server.ts';
import { type LabServer, labServers } from '../test/lab/support-nfs.ts';
import { type LabNode, startNode } from '../test/lab/support-nodes.ts';
import * as lab from '../test/lab/support-volumes.ts';
import { interrupt } from './interrupt.ts';
import { say } from './rounds.ts';
import { type Summary, summarize } from './stats.ts';

/** What the same calls take for volumes of a server that is dead, and for those of another one beside it. */
export interface DeadServerResult {
  readonly death: string;
  readonly calls: readonly DeadCall[];
  /** Of calls for the other server: while both live (before and after), and while one is dead and asked all the time. */
  readonly others: readonly { readonly call: string; readonly alive: Summary; readonly dead: Summary }[];
  readonly held: { readonly before: Held; readonly dead: Held; readonly after: Held };
}

export interface DeadCall {
  readonly call: string;
  readonly outcomes: readonly Outcome[];
}

interface Outcome {
  readonly ms: number;
  readonly code: string; // OK, UNAVAILABLE, ...
}

type Latencies = Map<string, number[]>;

const OPTIONS = { timeoutMs: 30_000 };
const VOLUMES = 3; // of the dead server, for each call
const BACK_TRIES = 120;
const PAUSE_MS = 500;
const { controller, identity } = services;

/** In the lab only: it needs servers of NFS that may be stopped, and a node with a network of its own. */
export async function measureDeadServer(rounds: number): Promise<DeadServerResult[]> {
  if (process.env.STOWAGE_LAB === undefined) throw new Error('--nfs-dead runs in the lab: see docs/how-to/measure.md');
  const servers = await labServers();
  const node = await startNode('bench', { role: 'all', config: () => ({ trashBytesPerSecond: 0 }) });
  const results: DeadServerResult[] = [];
  try {
    await lives(node, servers.healthy, 'warm', 2); // the first volumes of a share mount it
    for (const [index, death] of DEATHS.entries()) {
      say(`a server dies: ${death.name}`);
      results.push(await measureDeath(node, servers, death, `d${index}`, rounds));
    }
  } finally {
    for (const death of DEATHS) await death.undo(servers.mortal);
    await node.stop();
  }
  return results;
}

async function measureDeath(
  node: LabNode,
  { healthy, mortal }: { healthy: LabServer; mortal: LabServer },
  death: Death,
  prefix: string,
  rounds: number,
): Promise<DeadServerResult> {
  const published: lab.LabVolume[] = [];
  const idle: lab.LabVolume[] = [];
  for (let index = 0; index < VOLUMES; index++) {
    idle.push(await lab.created(node, `${prefix}-idle-${index}`, mortal));
    const volume = await lab.created(node, `${prefix}-published-${index}`, mortal);
    await lab.stage(node, volume);
    await lab.publish(node, volume);
    published.push(volume);
  }
  const before = await heldBy(node, new Set());
  const alive = await lives(node, healthy, `${prefix}-before`, rounds);
  await death.strike(mortal);
  const calls = await askTheDead(node, mortal, published, idle);
  await lives(node, healthy, `${prefix}-warm`, 1); // what was idle meanwhile has given its worker back
  const asked = askAllTheTime(node, mortal, `${prefix}-asked`);
  const dead = await lives(node, healthy, `${prefix}-while`, 2 * rounds);
  await asked.stop();
  const held = { before, dead: await heldBy(node, new Set()) };
  await death.undo(mortal);
  await untilBack(node, mortal, `${prefix}-back`);
  for (const [call, latencies] of await lives(node, healthy, `${prefix}-after`, rounds))
    alive.get(call)?.push(...latencies);
  for (const volume of [...published, ...idle]) await untilOk(() => lab.remove(node, volume));
  return {
    death: death.name,
    calls,
    others: [...alive].map(([call, latencies]) => ({
      call,
      alive: summarize(latencies, sum(latencies)),
      dead: summarize(dead.get(call) ?? [], sum(dead.get(call) ?? [])),
    })),
    held: { ...held, after: await heldBy(node, new Set()) },
  };
}

/** Each call for volumes of the dead server, one after another. */
async function askTheDead(
  node: LabNode,
  server: LabServer,
  published: readonly lab.LabVolume[],
  idle: readonly lab.LabVolume[],
): Promise<DeadCall[]> {
  const calls: DeadCall[] = [];
  const ask = async (
    call: string,
    volumes: readonly lab.LabVolume[],
    work: (volume: lab.LabVolume) => Promise<unknown>,
  ) => {
    const outcomes: Outcome[] = [];
    for (const volume of volumes) outcomes.push(await outcomeOf(() => work(volume)));
    calls.push({ call, outcomes });
  };
  const [first, ...more] = idle;
  if (first === undefined) throw new Error('no volumes');
  const create = ({ name }: lab.LabVolume) =>
    node.call(controller.CreateVolume, lab.createRequest(`${name}-new`, server, ['vers=4.2']), OPTIONS);
  await ask('NodeGetVolumeStats, the first', published.slice(0, 1), (volume) => lab.statsOf(node, volume, OPTIONS));
  await ask('NodeGetVolumeStats, again', published, (volume) => lab.statsOf(node, volume, OPTIONS));
  await ask('CreateVolume, the first', [first], create);
  await ask('CreateVolume, again', more, create);
  await ask('DeleteVolume', idle, (volume) => lab.remove(node, volume, OPTIONS));
  await ask('NodeStageVolume', idle.slice(0, 1), (volume) => lab.stage(node, volume, OPTIONS));
  await ask('NodePublishVolume, already mounted there', published, (volume) => lab.publish(node, volume, OPTIONS));
  await ask('NodeUnpublishVolume', published, (volume) => lab.unpublish(node, volume, OPTIONS));
  await ask('NodePublishVolume', published, (volume) => lab.publish(node, volume, OPTIONS));
  for (const volume of published) await lab.unpublish(node, volume, OPTIONS);
  await ask('NodeUnstageVolume', published, (volume) => lab.unstage(node, volume, OPTIONS));
  await ask('ListVolumes', published, () => node.call(controller.ListVolumes, {}, OPTIONS));
  await ask('Probe', published, () => node.call(identity.Probe, {}, OPTIONS));
  return calls;
}

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  const startedMs = performance.now();
  try {
    await call();
    return { ms: performance.now() - startedMs, code: 'OK' };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { ms: performance.now() - startedMs, code: status[Number(error.code)] ?? String(error.code) };
  }
}

/** The life of so many volumes of a server that answers; each call must succeed. */
async function lives(node: LabNode, server: LabServer, prefix: string, rounds: number): Promise<Latencies> {
  const latencies: Latencies = new Map();
  const timed = async <T>(call: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const answer = await work();
    latencies.set(call, [...(latencies.get(call) ?? []), performance.now() - startedMs]);
    return answer;
  };
  for (let round = 0; round < rounds; round++) {
    interrupt.throwIfAborted();
    await timed('Probe', () => node.call(identity.Probe, {}));
    const volume = await timed('CreateVolume', () => lab.created(node, `${prefix}-${round}`, server));
    await timed('NodeStageVolume', () => lab.stage(node, volume));
    await timed('NodePublishVolume', () => lab.publish(node, volume));
    await timed('NodePublishVolume, already mounted there', () => lab.publish(node, volume));
    await timed('NodeGetVolumeStats', () => lab.statsOf(node, volume));
    await timed('NodeUnpublishVolume', () => lab.unpublish(node, volume));
    await timed('NodeUnstageVolume', () => lab.unstage(node, volume));
    await timed('ListVolumes', () => node.call(controller.ListVolumes, {}));
    await timed('DeleteVolume', () => lab.remove(node, volume));
  }
  return latencies;
}

/** Calls for the dead server, two of each at a time, as an orchestrator has them that tries again and again. */
function askAllTheTime(node: LabNode, server: LabServer, prefix: string): { readonly stop: () => Promise<void> } {
  const stopped = new AbortController();
  let made = 0;
  const volume = { name: prefix, id: prefix, context: contextOf(server), mountFlags: ['vers=4.2'] };
  const forEver = async (work: () => Promise<unknown>) => {
    while (!stopped.signal.aborted) {
      await outcomeOf(work);
      await pause();
    }
  };
  const create = () => {
    const request = lab.createRequest(`${prefix}-${made++}`, server, ['vers=4.2']);
    return node.call(controller.CreateVolume, request, OPTIONS);
  };
  const stage = () => lab.stage(node, { ...volume, name: `${prefix}-${made}`, id: `${prefix}-${made++}` }, OPTIONS);
  const all = [create, create, stage, stage].map(forEver);
  return {
    async stop() {
      stopped.abort();
      await Promise.all(all);
    },
  };
}

/** Of a volume that an administrator wrote. */
function contextOf(server: LabServer): Record<string, string> {
  return lab.createRequest('', server, []).parameters;
}

async function untilBack(node: LabNode, server: LabServer, prefix: string): Promise<void> {
  let tries = 0;
  await untilOk(async () => lab.remove(node, await lab.created(node, `${prefix}-${tries++}`, server)));
}

async function untilOk(work: () => Promise<unknown>): Promise<void> {
  for (let left = BACK_TRIES; ; left--) {
    const { code } = await outcomeOf(work);
    if (code === 'OK') return;
    if (left === 0) throw new Error(`the server does not come back: ${code}`);
    await pause();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
