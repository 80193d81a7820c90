import { readFile } from 'node:fs/promises';
import type { Case } from './case.ts';
import type { Feature } from './features.ts';
import type { Chart } from './install.ts';
import type { Stowage } from './stowage.ts';

const FOLDER = 'examples/kubernetes';

export interface ExampleWishes {
  readonly needs?: readonly Feature[];
  readonly chart?: Chart;
  /** What the reader of a file is told to put in: everything else of it stays as it is. */
  readonly fillIn?: (stowage: Stowage, text: string) => string;
}

/** The examples of one or more files, applied as they are; then `look`, then they are deleted and nothing is left of them. */
export function example(
  files: readonly string[],
  look: (stowage: Stowage) => Promise<string | undefined>,
  { needs = [], chart = 'local', fillIn = (_, text) => text }: ExampleWishes = {},
): Case {
  return {
    name: `example ${files.join(', ')}`,
    needs,
    chart,
    async run(stowage) {
      const paths = files.map((file) => `${FOLDER}/${file}.yaml`);
      try {
        const startMs = performance.now();
        for (const path of paths) {
          if (path.endsWith('/snapshot.yaml')) await sha256In(stowage, 'source'); // written before the snapshot is taken
          await stowage.cluster.apply(fillIn(stowage, await readFile(path, 'utf8')));
        }
        const seen = await look(stowage);
        return seen ?? `seen after ${((performance.now() - startMs) / 1000).toFixed(1)} s`;
      } finally {
        for (const path of paths.toReversed()) await stowage.cluster.deleteFile(path);
        await stowage.nothingLeft();
      }
    },
  };
}

/** The SHA-256 that a pod has logged. */
export const sha256In = async ({ cluster }: Stowage, pod: string) => (await cluster.logged(pod, /^([0-9a-f]{64})/m))[1];
