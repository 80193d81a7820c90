import { status } from '@grpc/grpc-js';
import type { Logger } from '../telemetry/log.ts';
import type { IncomingCall, Outcome } from './calls.ts';
import type { CreateVolumeRequest__Output } from './generated/csi/v1/CreateVolumeRequest.ts';
import type { Snapshot } from './generated/csi/v1/Snapshot.ts';
import type { Volume } from './generated/csi/v1/Volume.ts';
import type { VolumeGroupSnapshot } from './generated/csi/v1/VolumeGroupSnapshot.ts';
import { codeName, statusOf } from './status.ts';

/** Fields of requests that say what a call is about; nothing else of a request is logged. */
const LOGGED_FIELDS = [
  'name',
  'volumeId',
  'sourceVolumeId',
  'snapshotId',
  'groupSnapshotId',
  'nodeId',
  'targetPath',
] as const;
const MAX_LOGGED_CHARACTERS = 256;
/** Of a list of ids. */
const MAX_LOGGED_ENTRIES = 32;

/** Called every few seconds by sidecars; logged at debug level when they succeed. */
const FREQUENT = /^Identity\/|GetCapabilities$|\/GetCapacity$|\/NodeGetVolumeStats$/;

/** One line for each call, with the ids by which all that happens to a volume is found. */
export function logCall(
  log: Logger,
  { method, request }: Pick<IncomingCall, 'method' | 'request'>,
  outcome: Outcome,
  { durationMs, error }: { readonly durationMs: number; readonly error: unknown },
): void {
  const code = outcome.ok ? status.OK : outcome.status.code;
  const about = { ...aboutOf(request), ...(outcome.ok ? madeBy(outcome.response) : {}) };
  const entry = { ...about, code: codeName(code), durationMs: Math.round(durationMs * 100) / 100 };
  if (code === status.OK) {
    log[FREQUENT.test(method) ? 'debug' : 'info'](entry, 'call');
  } else if (code === status.INTERNAL || code === status.DATA_LOSS) {
    log.error({ ...entry, err: error }, 'call failed');
  } else {
    log.warn({ ...entry, reason: statusOf(error).details }, 'call refused');
  }
}

function aboutOf(request: object): Record<string, string | string[]> {
  const about: Record<string, string | string[]> = {};
  for (const [field, value] of Object.entries(request)) {
    if (typeof value === 'string' && value !== '' && isLogged(field))
      about[field] = value.slice(0, MAX_LOGGED_CHARACTERS);
    if (field === 'sourceVolumeIds' && Array.isArray(value))
      about[field] = value.slice(0, MAX_LOGGED_ENTRIES).map((id) => String(id).slice(0, MAX_LOGGED_CHARACTERS));
    if (field === 'volumeContentSource') Object.assign(about, sourceOf(value));
  }
  return about;
}

function isLogged(field: string): boolean {
  return LOGGED_FIELDS.some((logged) => logged === field);
}

/** The volume or snapshot that a new volume is a copy of. */
function sourceOf(source: CreateVolumeRequest__Output['volumeContentSource']): { source?: string } {
  const id = source?.snapshot?.snapshotId || source?.volume?.volumeId;
  return id === undefined ? {} : { source: id.slice(0, MAX_LOGGED_CHARACTERS) };
}

/** The id of what a call has made: its request has only a name, and all later calls only the id. */
function madeBy({ volume, snapshot, groupSnapshot }: Made): Record<string, string> {
  return {
    ...(volume?.volumeId === undefined ? {} : { volumeId: volume.volumeId }),
    ...(snapshot?.snapshotId === undefined ? {} : { snapshotId: snapshot.snapshotId }),
    ...(groupSnapshot?.groupSnapshotId === undefined ? {} : { groupSnapshotId: groupSnapshot.groupSnapshotId }),
  };
}

interface Made {
  readonly volume?: Partial<Volume> | null;
  readonly snapshot?: Partial<Snapshot> | null;
  readonly groupSnapshot?: Partial<VolumeGroupSnapshot> | null;
}
