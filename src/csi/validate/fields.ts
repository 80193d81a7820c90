import { StowageError } from '../../errors.ts';

/** CSI, "Size Limits": strings, unless a field's own comment says otherwise. */
export const MAX_STRING_BYTES = 128;

/** Our own ids are shorter than CSI's limit; those of PersistentVolumes that were written for csi-driver-nfs, with server, share and subDir in them, may be longer. */
export const MAX_VOLUME_ID_BYTES = 1024;

/** CSI, "Size Limits": a map's keys and values together, and mount_flags. */
export const MAX_MAP_BYTES = 4096;

const CONTROL = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Cs}/u;

/** csi.proto, CreateVolumeRequest.name: control characters other than tab, line feed and carriage return. */
const BANNED_IN_NAMES = /[^\P{Cc}\t\n\r]/u;

/** The error for a field that breaks a rule; `field` is its name in csi.proto, with its path where it is nested. */
export function invalid(field: string, problem: string): StowageError {
  return new StowageError('invalid', `${field} ${problem}`);
}

/** Refuses a text that is too long, has control characters, or is no Unicode. */
export function checkText(field: string, value: string, maxBytes = MAX_STRING_BYTES, banned = CONTROL): void {
  const bytes = Buffer.byteLength(value);
  if (bytes > maxBytes) throw invalid(field, `is ${bytes} bytes long; at most ${maxBytes} are allowed`);
  if (banned.test(value)) throw invalid(field, 'has control characters');
  if (LONE_SURROGATE.test(value)) throw invalid(field, 'is not valid Unicode');
}

/** A string that must be there. */
export function required(field: string, value: string, maxBytes = MAX_STRING_BYTES): string {
  if (value === '') throw invalid(field, 'is required and missing');
  checkText(field, value, maxBytes);
  return value;
}

/** A request's volume_id, of whatever form. */
export function requiredVolumeId(value: string): string {
  return required('volume_id', value, MAX_VOLUME_ID_BYTES);
}

/** A string that may be left out. */
export function optional(field: string, value: string, maxBytes = MAX_STRING_BYTES): string | undefined {
  return value === '' ? undefined : required(field, value, maxBytes);
}

/** A message that must be there. */
export function present<T>(field: string, value: T | null | undefined): T {
  if (value === null || value === undefined) throw invalid(field, 'is required and missing');
  return value;
}

/** A suggested name of a volume, snapshot or group: any Unicode but csi.proto's banned characters. */
export function suggestedName(field: string, value: string): string {
  if (value === '') throw invalid(field, 'is required and missing');
  checkText(field, value, MAX_STRING_BYTES, BANNED_IN_NAMES);
  return value;
}

/** A list of ids that must have at least one, each once. */
export function requiredIds(field: string, values: readonly string[]): readonly string[] {
  if (values.length === 0) throw invalid(field, 'is required and empty');
  return uniqueIds(field, values);
}

/** The same, and the list may be empty. */
export function uniqueIds(field: string, values: readonly string[]): readonly string[] {
  for (const [index, value] of values.entries()) required(`${field}[${index}]`, value);
  if (new Set(values).size < values.length) throw invalid(field, 'names an id twice');
  return values;
}

/** A map of strings within CSI's limits. Its values may be anything but NUL; an error never shows them. */
export function stringMap(field: string, map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let bytes = 0;
  for (const [key, value] of Object.entries(map)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    if (key === '') throw invalid(field, 'has an empty key');
    if (CONTROL.test(key) || LONE_SURROGATE.test(key)) throw invalid(field, 'has a key with control characters');
    if (value.includes('\0')) throw invalid(field, `has a NUL in the value of "${key.slice(0, MAX_STRING_BYTES)}"`);
  }
  if (bytes > MAX_MAP_BYTES) throw invalid(field, `is ${bytes} bytes large; at most ${MAX_MAP_BYTES} are allowed`);
  return map;
}

/** Secrets are not used by any driver of ours: checked, and then left behind. */
export function checkSecrets(map: Readonly<Record<string, string>>): void {
  stringMap('secrets', map);
}
