import { nearest } from '../../config/nearest.ts';
import type { CreateVolumeRequest, MutableParameters, OnDelete } from '../../volumes/requests.ts';
import { checkText, invalid, MAX_STRING_BYTES, required, stringMap } from './fields.ts';

type Parameters = CreateVolumeRequest['parameters'];
type Received = Readonly<Record<string, string>>;

/** What the Kubernetes sidecars add (--extra-create-metadata and such): for their own use or for information. */
const KUBERNETES_PREFIX = 'csi.storage.k8s.io/';

const ON_DELETE: readonly OnDelete[] = ['delete', 'retain', 'archive'];

/** The StorageClass's parameters. */
export function volumeParameters(field: string, received: Received): Parameters {
  const own = ownParameters(field, received, ['pool', 'onDelete']);
  const { pool } = own;
  return { ...onDeleteOf(field, own), ...(pool === undefined ? {} : { pool: required(`${field}.pool`, pool) }) };
}

/** The parameters that can change during a volume's life (VolumeAttributesClass). */
export function mutableParameters(field: string, received: Received): MutableParameters {
  return onDeleteOf(field, ownParameters(field, received, ['onDelete']));
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

function onDeleteOf(field: string, { onDelete }: Received): MutableParameters {
  if (onDelete === undefined) return {};
  checkText(`${field}.onDelete`, onDelete);
  const value = ON_DELETE.find((known) => known === onDelete);
  if (value === undefined) throw invalid(`${field}.onDelete`, `is "${onDelete}"; it must be ${ON_DELETE.join(', ')}`);
  return { onDelete: value };
}
