import type { Feature } from './features.ts';
import type { Chart } from './install.ts';
import type { Stowage } from './stowage.ts';

/** One thing that is tried in the cluster. */
export interface Case {
  readonly name: string;
  readonly needs?: readonly Feature[];
  /** How the chart must be installed; left out: for local volumes. */
  readonly chart?: Chart;
  /** Leaves nothing behind where it succeeds. @returns what was measured, for the table. @throws where it fails */
  readonly run: (stowage: Stowage) => Promise<string | undefined>;
}
