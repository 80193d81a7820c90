import { StowageError } from '../errors.ts';
import { CONTROL } from '../host/control-characters.ts';

const MAX_OPTIONS = 64;
const MAX_BYTES = 4096; // of a page: what mount(2) takes
const CONTEXT = /^(?:fs|def|root)?context="[^"\s]+"$/; // SELinux: commas only in quotes
const OPTION = /^[a-z_][a-z0-9_.-]*(?:=[^\s"]+)?$/i;

/** Words of fstab(5) and of mount(8) that say nothing to NFS, or that a call with a deadline settles: they are left out. */
const LEFT_OUT =
  /^(?:defaults|auto|noauto|user|nouser|users|owner|group|nofail|_netdev|fg|bg|retry=.*|x-.*|comment=.*)$/i;
/** What would make another thing of the mount than what was checked. */
const REFUSED = /^(?:remount|r?bind|move|make-.*|loop|addr|mountaddr)$/i;

/** Options that concern reaching the server (nfs(5)): what a controller's mount takes over from a StorageClass. */
const REACHING = new Set([
  'vers',
  'sec',
  'xprtsec',
  'port',
  'proto',
  'mountport',
  'mountproto',
  'mounthost',
  'mountvers',
  'clientaddr',
  'resvport',
  'noresvport',
]);
const VERSIONS = new Set(['3', '4', '4.0', '4.1', '4.2']);
const PROTOCOLS = new Set(['tcp', 'tcp6', 'udp', 'udp6', 'rdma', 'rdma6']);

/**
 * Narrows mount options: of a StorageClass or a PersistentVolume (one or several in each entry), or of a secret's `mountOptions`. Their order is kept.
 * @param entries each one option or several with commas in between
 * @param field what the message names: `mountOptions`
 * @returns single options; without those that concern fstab(5) alone, and bg, fg and retry, since each mount is tried once within its call's deadline
 * @throws 'invalid' naming an option with white space, control characters or stray quotes, or one that would mount something else
 */
export function parseMountOptions(entries: readonly string[], field: string): string[] {
  const options = entries.flatMap((entry) => parseEntry(entry, field)).filter((option) => !LEFT_OUT.test(option));
  if (options.length > MAX_OPTIONS || Buffer.byteLength(options.join(',')) > MAX_BYTES)
    throw invalid(`${field}: there are more than ${MAX_OPTIONS} options, or more than ${MAX_BYTES} bytes of them`);
  reachingOptions(options); // for its checks
  return options;
}

function parseEntry(entry: string, field: string): string[] {
  const parts = entry.match(/(?:[^,"]|"[^"]*"?)+/g) ?? [];
  for (const part of parts) {
    if (CONTEXT.test(part) && !CONTROL.test(part)) continue;
    if (!OPTION.test(part) || CONTROL.test(part)) {
      throw invalid(
        `${field}: ${JSON.stringify(part)} is no mount option: one is a word or word=value, without white space, quotes and control characters`,
      );
    }
    if (REFUSED.test(nameOf(part)))
      throw invalid(`${field}: ${part} is not allowed, since something else would be mounted; leave it out`);
  }
  return parts;
}

/**
 * Those of the options that concern reaching the server, in one form for each: vers for nfsvers, minorversion and v4.2, proto for tcp; of two with one name the
 * later, as in mount(8); sorted, so that equal ones compare equal.
 * @throws 'invalid' for a version, a protocol or a port that is none
 */
export function reachingOptions(options: readonly string[]): string[] {
  const found = new Map<string, string>();
  let minor: string | undefined;
  for (const option of options) {
    const [name, value] = canonical(option);
    if (name === 'minorversion') minor = value;
    else if (name === 'resvport' || name === 'noresvport') {
      found.delete('resvport');
      found.delete('noresvport');
      found.set(name, '');
    } else if (REACHING.has(name)) found.set(name, value);
  }
  if (minor !== undefined && (found.get('vers') ?? '4') === '4') found.set('vers', `4.${minor}`);
  for (const [name, value] of found) check(name, value);
  return [...found].map(([name, value]) => (value === '' ? name : `${name}=${value}`)).sort();
}

function canonical(option: string): [name: string, value: string] {
  const name = nameOf(option).toLowerCase();
  const value = option.slice(name.length + 1);
  if (/^v[234](\.\d+)?$/.test(name)) return ['vers', name.slice(1)];
  if (name === 'nfsvers') return ['vers', value];
  if (PROTOCOLS.has(name) && value === '') return ['proto', name];
  return [name, value];
}

function check(name: string, value: string): void {
  const asked = `mount option ${name}=${value}`;
  if (name === 'vers' && !VERSIONS.has(value))
    throw invalid(`${asked}: NFS has the versions ${[...VERSIONS].join(', ')}`);
  if (name.endsWith('proto') && !PROTOCOLS.has(value))
    throw invalid(`${asked}: it must be one of ${[...PROTOCOLS].join(', ')}`);
  const isPort = /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
  if ((name === 'port' || name === 'mountport') && !isPort) throw invalid(`${asked}: it must be a port, 0 to 65535`);
}

/** The options of a controller's mount: it fails a call that has no answer instead of waiting for good, needs no rpc.statd, and runs nothing from the share. */
export function controllerOptions(options: readonly string[]): string[] {
  return [...reachingOptions(options), 'softerr', 'timeo=50', 'retrans=2', 'nolock', 'nosuid', 'nodev', 'noexec'];
}

function nameOf(option: string): string {
  return option.split('=', 1)[0] ?? option;
}

function invalid(message: string): StowageError {
  return new StowageError('invalid', message);
}
