import { status } from '@grpc/grpc-js';
import { services } from '../src/csi/services.ts';
import { interrupt } from './interrupt.ts';
import { load } from './load.ts';
import type { Sizes } from './options.ts';
import { createVolume, type LoadVolume, newVolume, PHASES, type Phase, type Subject } from './phases.ts';
import type { Summary } from './stats.ts';

/** One phase of one round. */
export interface Measurement extends Summary {
  readonly subject: string;
  readonly phase: string;
  readonly existingVolumes: number;
  readonly inFlight: number;
  readonly round: number;
}

export interface RoundPlan {
  readonly existingVolumes: number;
  readonly inFlight: number;
  readonly volumes: number; // in each round
  readonly rounds: number; // pairs of A and B
}

/** Calls that run together are over sooner: more of them for a phase that lasts as long. */
const CONCURRENT_FACTOR = 3;

let namesGiven = 0; // names are never used twice, in any round

/**
 * Takes the subjects through volumes' lives in alternation (A B, B A, A B, ...), so that what else runs on the machine
 * meets each alike. A phase that a driver does not implement is left out.
 */
export async function alternate(a: Subject, b: Subject, plan: RoundPlan): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    interrupt.throwIfAborted();
    for (const subject of round % 2 === 0 ? [a, b] : [b, a])
      measurements.push(...(await runRound(subject, plan, round)));
  }
  return measurements;
}

async function runRound(subject: Subject, plan: RoundPlan, round: number): Promise<Measurement[]> {
  const volumes: LoadVolume[] = [];
  for (let index = 0; index < plan.volumes; index++)
    volumes.push(await newVolume(subject, `bench-${process.pid}-${namesGiven++}`, true));
  const measurements: Measurement[] = [];
  for (const phase of PHASES) {
    const summary = await runPhase(subject, phase, volumes, plan.inFlight);
    const { existingVolumes, inFlight } = plan;
    if (summary !== undefined)
      measurements.push({ subject: subject.name, phase: phase.name, existingVolumes, inFlight, round, ...summary });
  }
  return measurements;
}

async function runPhase(
  subject: Subject,
  phase: Phase,
  volumes: readonly LoadVolume[],
  inFlight: number,
): Promise<Summary | undefined> {
  try {
    return await load(volumes.length, inFlight, async (index) => {
      const volume = volumes[index];
      if (volume !== undefined) await phase.call(subject, volume);
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === status.UNIMPLEMENTED) return undefined;
    throw new Error(`${subject.name}: ${phase.name} failed`, { cause: error });
  }
}

/** Creates volumes that stay; gives their ids. */
export async function fill(subject: Subject, count: number, inFlight = 8): Promise<string[]> {
  const ids: string[] = [];
  await load(count, inFlight, async () => {
    const volume = await newVolume(subject, `bench-${process.pid}-${namesGiven++}`, false);
    await createVolume(subject, volume);
    ids.push(volume.id);
  });
  return ids;
}

/** Deletes the volumes that `fill` made. */
export async function empty(subject: Subject, ids: readonly string[]): Promise<void> {
  const { DeleteVolume } = services.controller;
  await load(ids.length, 8, async (index) => {
    await subject.client.call(DeleteVolume, { volumeId: ids[index] ?? '' });
  });
}

/** Says on stderr what is going on. */
export const say = (text: string) => process.stderr.write(`${text}\n`);

/** Every number of existing volumes, and at each every number of calls in flight. Gives the volumes that still stand as well. */
export async function measureRounds(
  ours: Subject,
  yardstick: Subject,
  sizes: Sizes,
): Promise<{ readonly measurements: Measurement[]; readonly standing: string[] }> {
  const measurements: Measurement[] = [];
  const standing: string[] = [];
  say('warming up');
  await alternate(ours, yardstick, { existingVolumes: 0, inFlight: 8, volumes: sizes.volumes, rounds: 1 });
  for (const existingVolumes of sizes.existingVolumes) {
    standing.push(...(await fill(ours, existingVolumes - standing.length)));
    for (const inFlight of sizes.inFlight) {
      say(`${existingVolumes} volumes, ${inFlight} in flight`);
      const volumes = inFlight === 1 ? sizes.volumes : Math.max(CONCURRENT_FACTOR * sizes.volumes, 2 * inFlight);
      const plan = { existingVolumes, inFlight, volumes, rounds: sizes.rounds };
      measurements.push(...(await alternate(ours, yardstick, plan)));
    }
  }
  return { measurements, standing };
}
