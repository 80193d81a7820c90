import { nearest } from '../../config/nearest.ts';
import { type CreateVolumeRequest, type MutableParameters, ON_DELETE } from '../../volumes/requests.ts';
import { checkText, invalid, MAX_STRING_BYTES, required, stringMap } from './fields.ts';

type Parameters = CreateVolumeRequest['parameters'];
type Received = Readonly<Record<string, string>>;

/** What the Kubernetes sidecars add (--extra-create-metadata and such): for their own use or for information. */
const KUBERNETES_PREFIX = 'csi.storage.k8s.io/';

const COMPRESSIONS = ['none', 'zstd', 'lzo', 'zlib'] as const;
const BOOLEANS = ['true', 'false'] as const;
export const MUTABLE = ['onDelete', 'compression', 'copyOnWrite'];

/** The StorageClass's parameters. */
export function volumeParameters(field: string, received: Received): Parameters {
  const own = ownParameters(field, received, ['pool', ...MUTABLE]);
  const { pool } = own;
  return { ...mutableOf(field, own), ...(pool === undefined ? {} : { pool: required(`${field}.pool`, pool) }) };
}

/** The parameters that can change during a volume's life (VolumeAttributesClass). */
export function mutableParameters(field: string, received: Received): MutableParameters {
  return mutableOf(field, ownParameters(field, received, MUTABLE));
}

/** The parameters of a snapshot or group class: we have none. */
export function checkNoParameters(field: string, received: Received): void {
  ownParameters(field, received, []);
}

/** The parameters that are for us; refuses unknown ones by name. */
export function ownParameters(field: string, received: Received, known: readonly string[]): Received {
  stringMap(field, received);
  const own = Object.entries(received).filter(([key]) => !key.startsWith(KUBERNETES_PREFIX));
  for (const [key] of own) {
    if (!known.includes(key)) throw unknownKey(field, key, known);
  }
  return Object.fromEntries(own);
}

function unknownKey(field: string, key: string, known: readonly string[]) {
  const close = nearest(key, known);
  const hint = close === undefined ? knownHint(known) : `did you mean "${close}"?`;
  return invalid(field, `has the unknown key "${key.slice(0, MAX_STRING_BYTES)}"; ${hint}`);
}

function knownHint(known: readonly string[]): string {
  return known.length === 0 ? 'no keys are known here' : `known are: ${known.join(', ')}`;
}

/** Those of the parameters that can change. */
export function mutableOf(field: string, own: Received): MutableParameters {
  const onDelete = oneOf(`${field}.onDelete`, own.onDelete, ON_DELETE);
  const compression = oneOf(`${field}.compression`, own.compression, COMPRESSIONS);
  const copyOnWrite = oneOf(`${field}.copyOnWrite`, own.copyOnWrite, BOOLEANS);
  return {
    ...(onDelete === undefined ? {} : { onDelete }),
    ...(compression === undefined ? {} : { compression }),
    ...(copyOnWrite === undefined ? {} : { copyOnWrite: copyOnWrite === 'true' }),
  };
}

function oneOf<T extends string>(field: string, given: string | undefined, known: readonly T[]): T | undefined {
  if (given === undefined) return undefined;
  checkText(field, given);
  const value = known.find((one) => one === given);
  if (value === undefined) throw invalid(field, `is "${given}"; it must be ${known.join(', ')}`);
  return value;
}
