import { parseMountOptions } from '../../nfs/options.ts';
import { parseShareSource } from '../../nfs/source.ts';
import { resolveSubDir } from '../../nfs/sub-dir.ts';
import type { Capability, CreateVolumeRequest, ShareWish } from '../../volumes/requests.ts';
import { invalid, required } from './fields.ts';
import { MUTABLE, mutableOf, ownParameters } from './parameters.ts';

type Received = Readonly<Record<string, string>>;

const KEYS = ['server', 'share', 'subDir', 'mountPermissions', 'uid', 'gid'] as const;
const ID_MAX = 2 ** 32 - 2; // (uid_t) -1 is "leave it": chown(2)

/** Where a request's mount options come from, besides its capabilities. */
export interface ShareExtras {
  readonly capabilities: readonly Capability[];
  readonly secrets: Received;
}

/** The NFS driver's StorageClass parameters, with the names of csi-driver-nfs, in any case. */
export function shareParameters(
  field: string,
  received: Received,
  extras: ShareExtras,
): CreateVolumeRequest['parameters'] {
  const own = ownParameters(field, inOneCase(field, received), [...KEYS, 'pool', ...MUTABLE]);
  const mutable = mutableOf(field, inLowerCase(own, 'onDelete'));
  if (own.pool !== undefined) return { ...mutable, pool: poolOf(field, own, extras) };
  const { server, share, subDir } = own;
  if (server === undefined && share === undefined) {
    const other = KEYS.find((key) => own[key] !== undefined);
    if (other === undefined) return mutable;
    throw invalid(field, `has ${other}, but neither server nor share`);
  }
  const wish: ShareWish = {
    source: parseShareSource(server ?? '', share ?? ''),
    options: mountOptions(extras),
    subDir: subDir === undefined || subDir === '' ? undefined : resolveSubDir(subDir, received),
    mode: permissions(`${field}.mountPermissions`, own.mountPermissions),
    uid: ownerId(`${field}.uid`, own.uid),
    gid: ownerId(`${field}.gid`, own.gid),
  };
  return { ...mutable, share: wish };
}

/** A pool of our own, which we export: where its volumes lie, and whose they are, is not the StorageClass's. */
function poolOf(field: string, own: Received, extras: ShareExtras): string {
  const other = KEYS.find((key) => own[key] !== undefined);
  if (other !== undefined)
    throw invalid(field, `has pool and ${other}: name a pool of ours, or a server and its share`);
  mountOptions(extras);
  return required(`${field}.pool`, own.pool ?? '');
}

/** As csi-driver-nfs does: of the StorageClass, and of the provisioner's secret. */
function mountOptions({ capabilities, secrets }: ShareExtras): string[] {
  const flags = capabilities.flatMap(({ access }) => (access.type === 'mount' ? access.mountFlags : []));
  return [...parseMountOptions(flags, 'mount_flags'), ...secretMountOptions(secrets)];
}

/** The mount options in a secret, as csi-driver-nfs names them. */
export function secretMountOptions(secrets: Received): string[] {
  const secret = Object.entries(secrets).find(([key]) => key.toLowerCase() === 'mountoptions')?.[1];
  return secret === undefined ? [] : parseMountOptions([secret], 'secrets.mountOptions');
}

/** Keys as they are documented, whatever their case. */
function inOneCase(field: string, received: Received): Received {
  const known = new Map([...KEYS, 'pool', ...MUTABLE].map((key) => [key.toLowerCase(), key]));
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(received)) {
    const name = known.get(key.toLowerCase()) ?? key;
    if (found.has(name)) throw invalid(field, `has ${name} twice, in different cases`);
    found.set(name, value);
  }
  return Object.fromEntries(found);
}

function inLowerCase(own: Received, key: string): Received {
  const value = own[key];
  return value === undefined ? own : { ...own, [key]: value.toLowerCase() };
}

/** Octal digits; 0 leaves them as they are. */
function permissions(field: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^0*[0-7]{1,4}$/.test(text))
    throw invalid(field, `is ${JSON.stringify(text)}; it must be octal digits, such as 0770`);
  const mode = Number.parseInt(text, 8);
  return mode === 0 ? undefined : mode;
}

function ownerId(field: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const id = Number(text);
  if (/^\d{1,10}$/.test(text) && id <= ID_MAX) return id;
  throw invalid(field, `is ${JSON.stringify(text)}; it must be a number from 0 to ${ID_MAX}`);
}
