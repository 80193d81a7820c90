import fc from 'fast-check';
import type { World } from './world.ts';

/** One RPC, or a few that belong together, chosen by numbers that mean something only when it runs: so any part of a sequence is a sequence. */
export interface Step<W = World> {
  readonly title: string;
  run(world: W): Promise<void>;
}

export interface StepKind<W = World> {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Step<W>>;
}

/** A kind of step. @param weight how often it comes, beside the others */
export function step<Args extends object, W = World>(
  weight: number,
  name: string,
  args: { [Key in keyof Args]: fc.Arbitrary<Args[Key]> },
  run: (world: W, args: Args) => Promise<void>,
): StepKind<W> {
  const arbitrary = fc.record<Args>(args).map((given) => {
    const title = `${name} ${JSON.stringify(given)}`;
    return { title, run: (world: W) => run(world, given as Args), [fc.toStringMethod]: () => title };
  });
  return { weight, arbitrary };
}

/** Chooses one of what is there when the step runs. */
export const any = fc.nat(59);

/** Seldom true. */
export const seldom = fc.nat(7).map((number) => number === 7);
