import { isStowageError, StowageError } from '../../errors.ts';
import { mountSource } from '../../nfs/source.ts';
import type { Context } from '../context.ts';
import { parseId } from '../ids.ts';
import { namesShare, readPlace } from './place.ts';

/** What a call gets to say by itself how it ended; the CSI server waits a little longer before it answers in its place. */
const LAST_WORDS_MS = 300;

/**
 * The work of a call. Where its deadline comes and the work goes on all the same, as what waits for a server does, the call ends with an
 * error that names the share. The work is not ended by that.
 */
export async function namingShare<T>(
  context: Pick<Context, 'shares'>,
  request: unknown,
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const late = new Promise<void>((resolve) => {
    onAbort = () => {
      timer = setTimeout(resolve, LAST_WORDS_MS);
    };
  }).then(() => {
    throw lateError(context, request, signal.reason);
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, late]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

function lateError(context: Pick<Context, 'shares'>, request: unknown, reason: unknown): unknown {
  const share = shareOf(context, request);
  if (share === undefined || !isStowageError(reason)) return reason;
  return new StowageError(reason.code, `NFS share ${share} has not answered: ${reason.message}`, { cause: reason });
}

/** The share that a request is about, by its parameters, its volume's attributes or an id; undefined where it names none. */
function shareOf(context: Pick<Context, 'shares'>, request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const { parameters, volumeContext, volumeId, snapshotId, sourceVolumeId }: Fields = request;
  if (parameters?.share !== undefined) return mountSource(parameters.share.source);
  if (volumeContext !== undefined && namesShare(volumeContext)) return readPlace(volumeContext).source;
  const id = volumeId ?? snapshotId ?? sourceVolumeId;
  if (id === undefined) return undefined;
  const parsed = parseId(id);
  const config = parsed.origin === 'ours' ? context.shares?.ofHash(parsed.poolHash)?.config : undefined;
  return config?.backend === 'share' ? mountSource(config) : undefined;
}

/** Those of the requests' fields that say what a call is about. */
interface Fields {
  readonly parameters?: { readonly share?: { readonly source: { readonly server: string; readonly share: string } } };
  readonly volumeContext?: Readonly<Record<string, string>>;
  readonly volumeId?: string;
  readonly snapshotId?: string;
  readonly sourceVolumeId?: string;
}
