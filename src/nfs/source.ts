import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { StowageError } from '../errors.ts';
import { CONTROL } from '../host/control-characters.ts';

/** An exported folder of an NFS server, in one form for each: names in lower case, IPv6 addresses without brackets, no needless slashes. */
export interface ShareSource {
  readonly server: string;
  readonly share: string; // absolute
}

const MAX_NAME_BYTES = 253; // RFC 1035
const MAX_PATH_BYTES = 1024; // MNTPATHLEN of RFC 1813: what a server of NFS 3 can be asked for
const MAX_PART_BYTES = 255;
/** A host name as it is found in networks, with underscores (RFC 1123 has none). */
const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?$/;
const ZONE = /^[A-Za-z0-9_.-]{1,15}$/; // of a link-local address: an interface's name

/**
 * Narrows the server and the share that a request or the config names.
 * @throws 'invalid' naming `server` or `share`: a server is a host name or an address, a share an absolute path without `.`, `..`, white space, commas and control
 * characters; neither carries options
 */
export function parseShareSource(server: string, share: string): ShareSource {
  return { server: parseServer(server), share: parseShare(share) };
}

/** What is mounted: `server:/share`, or a folder beneath the share; an IPv6 address in brackets (nfs(5)). */
export function mountSource({ server, share }: ShareSource, subDir?: string): string {
  const host = server.includes(':') ? `[${server}]` : server;
  const path = subDir === undefined ? share : `${share === '/' ? '' : share}/${subDir}`;
  return `${host}:${path}`;
}

/** The name of a share in ids and paths: 32 hexadecimal digits. */
export function hashOfShare({ server, share }: ShareSource): string {
  return createHash('sha256').update(`${server}\n${share}`).digest('hex').slice(0, 32);
}

function parseServer(server: string): string {
  const shown = JSON.stringify(server);
  if (server === '') throw invalid('server is empty: give the NFS server as a host name or an address');
  if (/^nfs:\/\//i.test(server))
    throw invalid(`server ${shown} is a URL: give the host in server and the path in share`);
  if (server.includes('/')) throw invalid(`server ${shown} has a path in it: give the path in share`);
  const address = /^\[(.*)\]$/.exec(server)?.[1] ?? server;
  if (address.includes(':')) return parseAddress(address, shown);
  const name = server.toLowerCase();
  const looksNumeric = /^[\d.]+$/.test(name); // resolvers read 10.5 and 010.0.0.5 in ways of their own
  if (looksNumeric ? isIPv4(name) : HOST_NAME.test(name) && name.length <= MAX_NAME_BYTES) return name;
  throw invalid(
    `server ${shown} is neither a host name nor an address: it must be one, without port, options, white space and further servers`,
  );
}

/** An IPv6 address in its shortest form (RFC 5952), so that one server has one name. */
function parseAddress(address: string, shown: string): string {
  const [, bare = '', zone] = /^([^%]*)(?:%(.*))?$/.exec(address) ?? [];
  const isZone = zone === undefined || ZONE.test(zone);
  if (!isIPv6(bare) || !isZone) throw invalid(`server ${shown} is no IPv6 address, and a host name has no colons`);
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

function parseShare(share: string): string {
  const shown = JSON.stringify(share);
  if (share === '')
    throw invalid('share is empty: give the absolute path that the server exports, such as /srv/volumes');
  if (!share.startsWith('/')) throw invalid(`share ${shown} is not absolute: give the path that the server exports`);
  if (CONTROL.test(share) || /\s/.test(share))
    throw invalid(`share ${shown} has white space or control characters in it`);
  if (share.includes(',')) throw invalid(`share ${shown} has a comma in it: mount options belong in mountOptions`);
  const parts = share.split('/').filter((part) => part !== '');
  checkParts(`share ${shown}`, parts);
  const normalised = `/${parts.join('/')}`;
  if (Buffer.byteLength(normalised) <= MAX_PATH_BYTES) return normalised;
  throw invalid(`share ${shown} is longer than ${MAX_PATH_BYTES} bytes`);
}

/**
 * Checks the names that a path consists of.
 * @throws 'invalid' for `.`, `..` and names longer than a file system takes
 */
export function checkParts(what: string, parts: readonly string[]): void {
  const dots = parts.find((part) => part === '.' || part === '..');
  if (dots !== undefined) throw invalid(`${what} has "${dots}" in it: name the folder itself`);
  const long = parts.find((part) => Buffer.byteLength(part) > MAX_PART_BYTES);
  if (long !== undefined) throw invalid(`${what} has a name of more than ${MAX_PART_BYTES} bytes in it`);
}

function invalid(message: string): StowageError {
  return new StowageError('invalid', message);
}
