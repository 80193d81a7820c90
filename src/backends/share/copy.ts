import { messageOf } from '../../errors.ts';
import type { Files, TreeCopyProgress } from '../../host/files.ts';
import type { CopyMetrics } from '../../telemetry/metrics.ts';
import type { Item } from '../backend.ts';
import type { BackendLog } from '../log.ts';

const LOG_PERIOD_MS = 30_000;

/** Copies of one share's folders, which the log and the metrics tell of. */
export interface Copier {
  /** Fills the folder at `to` with the item's source at `from`; what an earlier call has left there is gone on with. See Files.copyTree. */
  copy(
    item: Item,
    source: Item,
    paths: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<void>;
}

/** @param pool its name, for the metrics */
export function createCopier(deps: {
  readonly pool: string;
  readonly files: Pick<Files, 'copyTree'>;
  readonly log: BackendLog;
  readonly metrics: CopyMetrics;
  readonly logPeriodMs?: number;
}): Copier {
  const { pool, files, log, metrics, logPeriodMs = LOG_PERIOD_MS } = deps;

  return {
    async copy(item, source, { from, to }, signal) {
      const what = { item: item.id, source: source.id };
      const startMs = performance.now();
      let last: TreeCopyProgress | undefined;
      const hear = (progress: TreeCopyProgress) => {
        const { clonedBytes = 0, rangeBytes = 0, copiedBytes = 0 } = last ?? {};
        metrics.countCopiedBytes(pool, 'clone', progress.clonedBytes - clonedBytes);
        metrics.countCopiedBytes(pool, 'copy_file_range', progress.rangeBytes - rangeBytes);
        metrics.countCopiedBytes(pool, 'read_write', progress.copiedBytes - copiedBytes);
        last = { ...progress };
      };
      log.info(what, 'copying begins');
      const clock = setInterval(() => log.info({ ...what, ...last }, 'copying'), logPeriodMs);
      try {
        hear(await files.copyTree(from, to, signal, hear));
        log.info({ ...what, ...last, durationMs: Math.round(performance.now() - startMs) }, 'copied');
      } catch (error) {
        log.info({ ...what, ...last, error: messageOf(error) }, 'copying has ended before it was complete');
        throw error;
      } finally {
        clearInterval(clock);
      }
    },
  };
}
