import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import { DEATHS, type Held, heldBy, openForDirt, startWriter } from './support-dead-server.ts';
import { type LabServer, labServers } from './support-nfs.ts';
import { type LabNode, startNode } from './support-nodes.ts';
import {
  created,
  createRequest,
  type LabVolume,
  publish,
  remove,
  stage,
  stagingPath,
  statsOf,
  targetPath,
  unpublish,
  unstage,
} from './support-volumes.ts';

const isFull = process.env.STOWAGE_LAB === 'full';
const CALLS = isFull ? 1000 : 50;
const TEST_TIMEOUT_MS = isFull ? 1_800_000 : 300_000; // it is over much sooner, but for a machine that is very busy
const END_MS = 15_000; // for NodeUnpublish and NodeUnstage
const STAGE_MS = 20_000; // a node's mount waits for the server until its deadline
const DEADLINE_MS = 60_000; // of calls that give up by themselves
const SHORT_MS = 1_000;
const IN_FLIGHT = 8;
const IDLE = 5; // as many as callsFor has calls
const TRIES = 120;
const TRY_EVERY_MS = 500;
const MEMORY_NOISE = 16 * 1024 ** 2;
const MOUNT_FLAGS = isFull ? [['vers=4.2'], ['vers=4.1'], ['vers=3', 'nolock']] : [['vers=4.2']];
const { controller } = services;

let servers: { healthy: LabServer; mortal: LabServer };
let node: LabNode | undefined;

beforeAll(async () => {
  servers = await labServers();
  node = await startNode('worker', { role: 'all', config: () => ({ trashBytesPerSecond: 0 }) });
});
afterEach(async () => {
  for (const death of DEATHS) await death.undo(servers.mortal);
});
afterAll(async () => {
  await node?.stop();
});

describe.each(
  MOUNT_FLAGS.flatMap((mountFlags) =>
    DEATHS.filter(({ isSilent }) => isFull || isSilent).map((death) => ({
      death,
      mountFlags,
      title: `${death.name}, ${mountFlags}`,
    })),
  ),
)('a server that is dead: $title', ({ death, mountFlags }) => {
  it(
    'stops nobody else, keeps no call past its deadline, and is there again when it is back',
    async () => {
      const on = worker();
      const { healthy, mortal } = servers;
      const pod = (name: string, server = mortal) => inPod(nameOf(death.name, mountFlags, name), server, mountFlags);
      const [busy, clean, dirty, late, alive] = [
        await pod('busy'),
        await pod('clean'),
        await pod('dirty'),
        await pod('late'),
        await pod('alive', healthy),
      ];
      const idle: LabVolume[] = [];
      for (let index = 0; index < IDLE; index++)
        idle.push(await created(on, nameOf(death.name, mountFlags, `idle-${index}`), mortal, mountFlags));
      const [unused = busy] = idle;
      expect(await deviceOf(busy)).toBe(await deviceOf(dirty)); // one superblock: what fails one fails all
      const writer = startWriter(on, join(targetPath(on, busy), 'lines'));
      await writer.progress();
      const leaveDirt = await openForDirt(on, join(targetPath(on, dirty), 'dirt'));

      await death.strike(mortal);
      await leaveDirt();
      const refused = Promise.all(callsFor(idle, mortal).map(outcomeOf));
      await lifeOf(nameOf(death.name, mountFlags, 'other'), healthy, mountFlags);
      await expectAbnormal(clean);
      for (const outcome of await refused) expectRefusal(outcome, mortal);
      for (const volume of [clean, dirty]) await leave(volume);
      const processes = new Set(writer.processes());
      const before = await heldBy(on, processes);
      await callManyTimes(CALLS, busy, unused);
      await expectHeld(before, processes);

      await on.kill();
      await on.start();
      await lifeOf(nameOf(death.name, mountFlags, 'another'), healthy, mountFlags);
      await expectAbnormal(busy);
      await leave(late);

      await death.undo(mortal);
      await untilOk(() => on.call(controller.CreateVolume, createRequest(`${unused.name}-2`, mortal, mountFlags)));
      for (let times = 0; times < 3; times++) await writer.progress();
      const { lines, errors } = await writer.end();
      expect(errors).toEqual([]);
      const written = (await readFile(join(mortal.folder, busy.name, 'lines'), 'utf8')).trim().split('\n');
      expect(written.map(Number)).toEqual(written.map((_line, index) => index + 1));
      expect(written.length).toBeGreaterThanOrEqual(lines); // killed between a line and its word for it
      await untilOk(async () => expect(await readFile(join(mortal.folder, dirty.name, 'dirt'), 'utf8')).toBe('dirty'));
      await untilOk(async () =>
        expect(await statsOf(on, busy)).toMatchObject({ volumeCondition: { abnormal: false } }),
      );
      for (const volume of [busy, alive]) await leave(volume);
      for (const volume of [busy, clean, dirty, late, alive, ...idle]) await remove(on, volume);
    },
    TEST_TIMEOUT_MS,
  );
});

function worker(): LabNode {
  if (node === undefined) throw new Error('there is no node');
  return node;
}

/** Names of volumes are folders of the servers, which other tests have as well. */
function nameOf(death: string, mountFlags: readonly string[], name: string): string {
  return [death, ...mountFlags, name].join(' ').replaceAll(/[^a-z0-9]+/g, '-');
}

async function inPod(name: string, server: LabServer, mountFlags: readonly string[]): Promise<LabVolume> {
  const volume = await created(worker(), name, server, mountFlags);
  await stage(worker(), volume);
  await publish(worker(), volume);
  return volume;
}

async function lifeOf(name: string, server: LabServer, mountFlags: readonly string[]): Promise<void> {
  const volume = await inPod(name, server, mountFlags);
  expect(await statsOf(worker(), volume)).toMatchObject({ volumeCondition: { abnormal: false } });
  await leave(volume);
  await remove(worker(), volume);
}

async function deviceOf(volume: LabVolume): Promise<string | undefined> {
  return (await worker().mounts()).at(targetPath(worker(), volume))?.device;
}

/** The volume out of its pod and off the node: both calls end in time, and nothing of it is mounted then. */
async function leave(volume: LabVolume): Promise<void> {
  const on = worker();
  await unpublish(on, volume, { timeoutMs: END_MS });
  await unstage(on, volume, { timeoutMs: END_MS });
  const paths = [stagedAt(stagingPath(on, volume)), targetPath(on, volume)];
  expect((await on.mounts()).entries.filter(({ mountPoint }) => paths.includes(mountPoint))).toEqual([]);
}

async function expectAbnormal(volume: LabVolume): Promise<void> {
  const { volumeCondition } = await statsOf(worker(), volume, { timeoutMs: DEADLINE_MS });
  expect(volumeCondition).toMatchObject({ abnormal: true, message: expect.stringContaining(servers.mortal.address) });
}

/** One of each call that needs the dead server, for another volume each. */
function callsFor(volumes: readonly LabVolume[], server: LabServer): (() => Promise<unknown>)[] {
  const on = worker();
  const options = { timeoutMs: DEADLINE_MS };
  const capacityRange = { requiredBytes: 2 * 1024 ** 2 };
  const calls = [
    ({ name, mountFlags }: LabVolume) =>
      on.call(controller.CreateVolume, createRequest(`${name}-2`, server, mountFlags), options),
    ({ id, name }: LabVolume) =>
      on.call(controller.CreateSnapshot, { name: `${name}-snapshot`, sourceVolumeId: id }, options),
    ({ id }: LabVolume) => on.call(controller.ControllerExpandVolume, { volumeId: id, capacityRange }, options),
    (volume: LabVolume) => remove(on, volume, options),
    (volume: LabVolume) => stage(on, volume, { timeoutMs: STAGE_MS }),
  ];
  return volumes.flatMap((volume, index) => {
    const call = calls[index];
    return call === undefined ? [] : [() => call(volume)];
  });
}

interface Outcome {
  readonly code: status | undefined; // undefined: OK, or no answer of gRPC's
  readonly details: string;
}

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { code: undefined, details: JSON.stringify(await call()) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'details' in error)
      return { code: Number(error.code), details: String(error.details) };
    throw error;
  }
}

function expectRefusal({ code, details }: Outcome, server: LabServer): void {
  expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(code);
  expect(details).toContain(server.address);
}

/** Calls for the dead server, eight at a time: what a cluster does that knows nothing of it. */
async function callManyTimes(times: number, staged: LabVolume, idle: LabVolume): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < times) {
      const index = next++;
      if (index % 2 === 0) await expectAbnormal(staged);
      else if (index % 8 === 1) {
        const outcome = await outcomeOf(() => stage(worker(), idle, { timeoutMs: SHORT_MS }));
        expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.ABORTED]).toContain(outcome.code); // ABORTED: one is under way
      } else {
        const request = createRequest(`${idle.name}-${index}`, servers.mortal, idle.mountFlags);
        const options = { timeoutMs: DEADLINE_MS };
        expectRefusal(await outcomeOf(() => worker().call(controller.CreateVolume, request, options)), servers.mortal);
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

/** The driver takes no more than before, as soon as what it killed is gone; a worker that had nothing to do has ended by itself. */
async function expectHeld(before: Held, others: ReadonlySet<number>): Promise<void> {
  await untilOk(async () => {
    const { threads, children } = await heldBy(worker(), others);
    expect(threads).toBe(before.threads);
    expect(children).toBeLessThanOrEqual(before.children);
  });
  if (isFull) expect((await heldBy(worker(), others)).residentBytes).toBeLessThan(before.residentBytes + MEMORY_NOISE);
}

/** Tries again for a minute. */
async function untilOk(attempt: () => Promise<unknown>): Promise<void> {
  for (let left = TRIES; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(TRY_EVERY_MS);
    }
  }
}
