import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { SharePlace, Wish } from '../../src/backends/backend.ts';
import type { BackendConfig } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import { copyTests } from './conformance/copies.ts';
import { lifecycleTests } from './conformance/lifecycle.ts';
import { planTests } from './conformance/plan.ts';
import { recoveryTests } from './conformance/recovery.ts';
import { sizeTests } from './conformance/size.ts';
import { createWorkbench, type Inspect, type Workbench } from './workbench.ts';

const isFull = process.env.STOWAGE_CONFORMANCE === 'full';

export interface ConformanceSetup {
  /** `host` where the pool is reached by another way than as files of this process. */
  makePool(): Promise<{ config: BackendConfig; inspect?: Inspect; host?: Host; cleanup: () => Promise<void> }>;
  /** What the volumes of this run are. */
  readonly access: Wish['access'];
  /** The size of most volumes: the pool has room for about ten. */
  readonly sizeBytes: number;
  /** Where each volume lies, for pools that are a share. */
  readonly share?: () => SharePlace;
  /** What the usage of these volumes does not tell, as the backend's page says: the number of files; what a copy shares with its source. */
  readonly usageLacks?: readonly ('inodes' | 'shared')[];
  /** Only these parts, where another run has tried the others in nearly the same way; left out, and with STOWAGE_CONFORMANCE=full: all. */
  readonly parts?: readonly Part[];
  /** Each part has a pool of its own, where the machine has no room for the volumes of all. */
  readonly poolForEachPart?: boolean;
}

const PART_NAMES = ['plan', 'lifecycle', 'copies', 'size', 'recovery'] as const;
export type Part = (typeof PART_NAMES)[number];

const PARTS: Readonly<Record<Part, (bench: () => Workbench, setup: ConformanceSetup) => void>> = {
  plan: planTests,
  lifecycle: lifecycleTests,
  copies: copyTests,
  size: sizeTests,
  recovery: recoveryTests,
};

/** States all that the Backend interface promises; what a backend lacks is checked as the refusal that its features declare. */
export function describeBackend(name: string, setup: ConformanceSetup): void {
  const parts = PART_NAMES.filter((part) => isFull || setup.parts === undefined || setup.parts.includes(part));
  if (setup.poolForEachPart !== true) describePool(name, setup, parts);
  else for (const part of parts) describePool(name, setup, [part]);
}

function describePool(name: string, setup: ConformanceSetup, parts: readonly Part[]): void {
  describe(name, () => {
    let bench: Workbench | undefined;
    let cleanup = async (): Promise<void> => undefined;
    const get = (): Workbench => {
      if (bench === undefined) throw new Error('the pool could not be made');
      return bench;
    };

    beforeAll(async () => {
      const pool = await setup.makePool();
      cleanup = pool.cleanup;
      const { access, sizeBytes, share } = setup;
      bench = createWorkbench({ ...pool, access, sizeBytes, share });
      await bench.backend.claim?.(randomUUID());
      await bench.backend.recover([], AbortSignal.timeout(60_000));
    }, 120_000);
    afterAll(() => cleanup(), 120_000);

    for (const part of parts) PARTS[part](get, setup);
  });
}
