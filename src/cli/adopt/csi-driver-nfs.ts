import { StowageError } from '../../errors.ts';
import { resolveSubDir } from '../../nfs/sub-dir.ts';
import type { AdoptWish } from '../../volumes/adopt.ts';
import type { PersistentVolume } from './kubernetes.ts';
import { onDeleteOf } from './on-delete.ts';

/** Where a volume lies, and what its old driver would do with it. */
export type OldPlace = Pick<AdoptWish, 'server' | 'share' | 'subDir' | 'onDelete'> & {
  readonly options: readonly string[]; // besides those of the PersistentVolume
};

/** The external-provisioner writes it into each volume that it makes. */
const PROVISIONED = 'storage.kubernetes.io/csiprovisioneridentity';

/**
 * Where csi-driver-nfs keeps a volume: its attributes say what nodes mount, with keys in any case; before its version 4.1 they name the folder as the share, and the handle says where the
 * share ends.
 * @throws 'invalid' for a volume that is a whole share
 */
export function placeOfCsiDriverNfs({ spec: { csi } }: PersistentVolume): OldPlace {
  const attributes = new Map(
    Object.entries(csi?.volumeAttributes ?? {}).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const of = (key: string) => attributes.get(key) ?? '';
  const handle = parseHandle(csi?.volumeHandle ?? '');
  const place = { server: of('server'), share: of('share'), subDir: of('subdir') };
  const { share, subDir } =
    place.subDir === ''
      ? splitFolder(place, handle)
      : { ...place, subDir: resolveSubDir(relative(place.subDir), Object.fromEntries(attributes)) };
  const known = [handle.onDelete, of('ondelete')].map(onDeleteOf).find((one) => one !== undefined);
  return {
    server: place.server,
    share,
    subDir,
    onDelete: known ?? (attributes.has(PROVISIONED) ? 'delete' : 'retain'),
    options: of('mountoptions') === '' ? [] : [of('mountoptions')],
  };
}

interface Handle {
  readonly base: string;
  readonly subDir: string;
  readonly onDelete: string;
}

/** `server#share#subDir#name#onDelete`, of which the last two may be missing; older ones `server/share/subDir`. Others may be anything. */
function parseHandle(handle: string): Handle {
  const [, base, subDir, , onDelete = '', ...more] = handle.split('#');
  if (base !== undefined && subDir !== undefined) return { base, subDir, onDelete: more.length === 0 ? onDelete : '' };
  const [, old = '', last = ''] = /^[^/]+\/(.*)\/([^/]+)$/.exec(handle) ?? [];
  return { base: old, subDir: last, onDelete: '' };
}

function splitFolder({ server, share }: { server: string; share: string }, { base, subDir }: Handle) {
  const parts = (path: string) =>
    path
      .split('/')
      .filter((part) => part !== '')
      .join('/');
  if (subDir !== '' && parts(share) === parts(`${base}/${subDir}`)) return { share: `/${base}`, subDir };
  throw new StowageError(
    'invalid',
    `it is the whole share ${server}:${share}, not a folder of it: it needs no adopting, write the same PersistentVolume with this driver's name`,
  );
}

/** It takes a slash at the beginning for nothing. */
function relative(subDir: string): string {
  return subDir.replace(/^\/+(?=[^/])/, '');
}
