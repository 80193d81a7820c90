import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONFIG_SCHEMAS } from '../../../src/config/schema.ts';
import { type ErrorCode, isStowageError, messageOf, StowageError } from '../../../src/errors.ts';
import { createHost } from '../../../src/host/system.ts';
import type { ShareSource } from '../../../src/nfs/source.ts';
import { createShareFiles } from '../../../src/nfs/worker/share-files.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../../src/volumes/driver.ts';
import type { ShareWish } from '../../../src/volumes/requests.ts';
import type { VolumeService } from '../../../src/volumes/service.ts';
import { type LabServer, labServers } from '../../lab/support-nfs.ts';
import { mountPointsBeneath, signal } from '../../support/driver.ts';
import { createShareModel, type ShareModel } from './model.ts';

/** A server of the lab with a share of this sequence's own. */
export interface ModelServer {
  readonly lab: LabServer;
  readonly source: ShareSource;
  readonly folder: string; // the share's, on the server
  isUp: boolean;
  /** False where the driver has started while it was down, and so has read no record of it. */
  isKnown: boolean;
}

/** A driver of shares on real servers, and what the model says of it. */
export interface ShareWorld {
  readonly folder: string;
  readonly servers: readonly ModelServer[];
  readonly model: ShareModel;
  driver: Driver;
  readonly service: VolumeService; // of the driver that runs now
}

export const NODE = 'node-1|127.0.0.1';

/** A share is told to be silent sooner than in earnest, and asked again sooner. */
const LIMITS = { callMs: 4_000, firstRetryMs: 200, longestRetryMs: 1_000 };
const BUSY_MS = 60_000;
const POLL_MS = 100;
/** What says that a server does not answer, or that the call is still under way. */
const AWAY: readonly ErrorCode[] = ['unavailable', 'timeout', 'cancelled', 'busy'];

export async function makeShareWorld(): Promise<ShareWorld> {
  const lab = await labServers();
  const folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-model-'));
  for (const name of ['staging', 'targets']) await mkdir(join(folder, name));
  const servers: ModelServer[] = [];
  for (const server of [lab.healthy, lab.mortal]) {
    const share = await mkdtemp(join(server.folder, 'model-'));
    const source = { server: server.address, share: `/${basename(share)}` };
    servers.push({ lab: server, source, folder: share, isUp: true, isKnown: true });
  }
  const world: ShareWorld = {
    folder,
    servers,
    model: createShareModel(),
    driver: await startDriver(folder),
    get service() {
      return world.driver.service;
    },
  };
  return world;
}

async function startDriver(folder: string): Promise<Driver> {
  const driver = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: join(folder, 'state'), trashBytesPerSecond: 0 }),
    nodeId: NODE,
    host: createHost(join(folder, 'run')),
    log: createLog(process.env.STOWAGE_TEST_LOG === undefined ? 'silent' : 'warn'),
    openShareFiles: (options) =>
      createShareFiles({ ...options, limits: LIMITS, program: resolve('dist/share-worker.cjs') }),
  });
  await driver.recovered;
  return driver;
}

export async function restart(world: ShareWorld): Promise<void> {
  await world.driver.stop();
  world.driver = await startDriver(world.folder);
  for (const server of world.servers) {
    server.isKnown &&= server.isUp;
    if (server.isUp) await reach(world, server); // a start does not wait for servers that take their time
  }
}

/** Settles when the driver has opened the share. */
async function reach({ service }: ShareWorld, server: ModelServer): Promise<void> {
  const request = { capabilities: [], parameters: { share: wishOf(server) }, topology: undefined };
  const ask = async () => {
    const { availableBytes } = await service.capacity(request, signal());
    if (availableBytes === 0) throw new StowageError('unavailable', 'a share that is away has no room');
  };
  await ended(server, ask, []);
}

export async function halt(server: ModelServer): Promise<void> {
  if (!server.isUp) return;
  server.isUp = false;
  await server.lab.halt();
}

/** Starts a server again, waits until the driver has noticed, and settles what was in doubt: whoever was told nothing calls again. */
export async function resume(world: ShareWorld, server: ModelServer): Promise<void> {
  if (server.isUp) return;
  await server.lab.resume();
  server.isUp = true;
  server.isKnown = true;
  await reach(world, server);
  const { doubts } = world.model;
  for (const doubt of doubts.splice(0)) {
    if (doubt.server !== server) doubts.push(doubt);
    else await doubt.settle();
  }
}

export async function cleanUpShares(world: ShareWorld): Promise<void> {
  for (const { lab } of world.servers) await lab.resume();
  await world.driver.stop();
  for (const point of await mountPointsBeneath(world.folder)) await promisify(execFile)('umount', ['-l', point]);
  for (const path of [world.folder, ...world.servers.map(({ folder }) => folder)]) await rm(path, { recursive: true });
}

export function wishOf({ source }: ModelServer): ShareWish {
  return { source, options: ['vers=4.2'], subDir: undefined, mode: undefined, uid: undefined, gid: undefined };
}

export type Ended<T> = { readonly type: 'ok'; readonly value: T } | { readonly type: 'refused' | 'unknown' };

/**
 * How a call ended, compared with the model: with one of these refusals, where there are any, else well. While its server is down it may also be told that; then
 * nobody knows what came of it.
 */
export async function ended<T>(
  server: ModelServer,
  call: () => Promise<T>,
  refusals: readonly ErrorCode[],
): Promise<Ended<T>> {
  const expected = refusals.length === 0 ? 'ok' : refusals.join(' or ');
  const deadlineMs = Date.now() + BUSY_MS;
  for (;;) {
    const found = await attempt(call);
    if (!('error' in found)) {
      if (refusals.length === 0) return { type: 'ok', value: found.value };
      throw new Error(`expected ${expected}, got ok`);
    }
    const { error } = found;
    if (refusals.length > 0 && isStowageError(error, ...refusals)) return { type: 'refused' };
    if (!server.isUp && isStowageError(error, ...AWAY)) return { type: refusals.length === 0 ? 'unknown' : 'refused' };
    // A server that has just come back, or a guest that is very busy, takes its time.
    if (!isStowageError(error, ...AWAY) || Date.now() > deadlineMs)
      throw new Error(`expected ${expected}, got ${codeOf(error)}: ${messageOf(error)}`, { cause: error });
    await sleep(POLL_MS);
  }
}

async function attempt<T>(call: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}

function codeOf(error: unknown): string {
  return isStowageError(error) ? error.code : 'an error of no kind';
}
