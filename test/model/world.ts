import type { Features } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import type { PoolConfig } from '../../src/config/schema.ts';
import { type ErrorCode, isStowageError } from '../../src/errors.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { VolumeInfo } from '../../src/volumes/service.ts';
import { mayGrowExt4 } from '../backends/workbench.ts';
import { signal, type TestDriver } from '../support/driver.ts';
import type { ModelledPool } from './backends.ts';
import type { Model, ModelVolume } from './model.ts';

/** The driver and what the model says of it. */
export interface World {
  readonly at: TestDriver;
  readonly model: Model;
  readonly pools: readonly PoolFacts[];
  readonly rules: Rules;
}

/** What is not the same for volumes on this machine's own disks and for those that reach their nodes by a server. */
export interface Rules {
  /** Throws unless CreateVolume's answer leads nodes to the volume. */
  readonly checkContext: (info: VolumeInfo, pool: string) => void;
  /** What DeleteVolume must do; `left`: nobody calls it now. */
  readonly deletion: (volume: ModelVolume) => 'done' | 'refused' | 'left';
  /** False where a published volume was taken from the node. */
  readonly isReachable: (volume: ModelVolume, target: string) => boolean;
  /** Throws unless a volume that nobody uses holds what the model says. */
  readonly checkUnused: (world: World, volume: ModelVolume) => Promise<void>;
  /** What is mounted in the driver's folder when nothing is left. */
  readonly lastingMounts: readonly string[];
}

/** What the model knows of a pool: what its backend declares, never which one it is. */
export interface PoolFacts {
  readonly name: string;
  readonly features: Features;
  readonly volumeBytes: number;
  readonly totalBytes: number;
  /** File systems of its own that this process may grow while they are mounted. */
  readonly growsMounted: boolean;
  /** Names of what the pool holds outside its folder. */
  readonly outside: () => Promise<string[]>;
}

/** At most so many volumes are attached to the node, so that the model meets the limit. */
export const MAX_ATTACHED = 2;

export async function factsOfPools(at: TestDriver, modelled: readonly ModelledPool[]): Promise<PoolFacts[]> {
  const pools: PoolFacts[] = [];
  for (const pool of modelled) pools.push(await factsOf(at, pool));
  return pools;
}

async function factsOf(at: TestDriver, { name, volumeBytes, outside }: ModelledPool): Promise<PoolFacts> {
  const config = at.config.pools.find((pool) => pool.name === name);
  if (config === undefined) throw new Error(`the driver has no pool ${name}`);
  const { totalBytes, features } = await ask(config);
  const [fsType] = features.fsTypes;
  const growsMounted = !features.ownSuperblock || fsType !== 'ext4' || (await mayGrowExt4());
  return {
    name,
    features,
    volumeBytes,
    totalBytes,
    growsMounted,
    outside: async () => outside?.(at.poolPath(name)) ?? [],
  };
}

/** A backend of our own beside the driver's, while nothing is in the pool: some know what they can do only after recover. */
async function ask(config: PoolConfig): Promise<{ totalBytes: number; features: Features }> {
  const backend = createBackend(config, { host: createHost(), log: createLog('silent') });
  await backend.recover([], signal());
  return { totalBytes: (await backend.capacity([])).totalBytes, features: backend.features };
}

export function poolOf(world: World, name: string): PoolFacts {
  const pool = world.pools.find((candidate) => candidate.name === name);
  if (pool === undefined) throw new Error(`the world has no pool ${name}`);
  return pool;
}

/**
 * Waits for a call and compares how it ended with the model: with one of these refusals, where there are any (which of several comes
 * first is not said by CSI), else well.
 * @returns what the call gave, or undefined where it was rightly refused
 */
export async function outcome<T>(
  call: Promise<T>,
  refusals: readonly ErrorCode[],
): Promise<{ readonly value: T } | undefined> {
  const expected = refusals.length === 0 ? 'ok' : refusals.join(' or ');
  try {
    const value = await call;
    if (refusals.length === 0) return { value };
  } catch (error) {
    if (isStowageError(error, ...refusals) && refusals.length > 0) return undefined;
    const found = isStowageError(error) ? error.code : 'an error of no kind';
    throw new Error(`expected ${expected}, got ${found}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  throw new Error(`expected ${expected}, got ok`);
}

/** Makes a call that may answer before its copy is done ('busy', where the machine is slow), and makes it again when it is. */
export async function withItsCopy<T>({ at }: World, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isStowageError(error, 'busy')) throw error;
    await at.driver.idle();
    return call();
  }
}

/** Throws unless both are the same as JSON; `what` says of what. */
export function same(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value, undefined, 1));
  if (one !== other) throw new Error(`${what}: found ${one}, expected ${other}`);
}

/** Throws unless a condition holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
