import type { Context } from '../context.ts';

/** How a moving volume's content gets to its new pool. */
export type Way =
  | 'file' // an image's file, cloned where the file system can
  | 'device' // all bytes of a raw block device
  | 'tree'; // file by file

/** What a move says of itself while it goes on. */
export type MoveEvent =
  | {
      readonly type: 'began';
      readonly id: string;
      readonly name: string;
      readonly from: string;
      readonly to: string;
      readonly sizeBytes: number;
    }
  | { readonly type: 'copying'; readonly way: Way }
  | {
      readonly type: 'progress';
      readonly seconds: number;
      readonly bytes?: number | undefined;
      readonly ofBytes?: number | undefined;
    }
  | { readonly type: 'decided' }; // it cannot be undone any more

export type Report = (event: MoveEvent) => void;

const INTERVAL_MS = 10_000;

/** Reports every 10 s how much there is already, for as long as `work` runs. What cannot be measured is left out. */
export async function withProgress<T>(
  context: Context,
  report: Report,
  measure: { bytes: () => Promise<number | undefined>; ofBytes: () => Promise<number | undefined> },
  work: () => Promise<T>,
): Promise<T> {
  const startMs = performance.now();
  const ask = (what: () => Promise<number | undefined>) =>
    what().catch((error: unknown) => {
      context.log.debug({ error }, 'the progress of a move cannot be measured');
      return undefined;
    });
  const timer = setInterval(async () => {
    const [bytes, ofBytes] = await Promise.all([ask(measure.bytes), ask(measure.ofBytes)]);
    report({ type: 'progress', seconds: Math.round((performance.now() - startMs) / 1000), bytes, ofBytes });
  }, INTERVAL_MS);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
