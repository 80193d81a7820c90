import { createHash } from 'node:crypto';
import type { SharePlace, Wish } from '../backends/backend.ts';
import type { Context } from './context.ts';
import type { Found } from './lookup.ts';
import { itemOf, type StoredRecord } from './record.ts';
import type { Access, CreateVolumeRequest, ShareWish } from './requests.ts';

/** What the backend is asked to plan. */
export function wishOf(context: Context, request: CreateVolumeRequest, source: Found<StoredRecord> | undefined): Wish {
  const access = accessOf(request);
  const { share } = request.parameters;
  return {
    requiredBytes: request.size.requiredBytes,
    limitBytes: request.size.limitBytes,
    // What a node mounts is NFS, whatever lies under it.
    access:
      access.type === 'block'
        ? access
        : { type: 'mount', fsType: context.shares === undefined ? access.fsType : undefined },
    source: source === undefined ? undefined : itemOf(source.record),
    ...(share === undefined ? {} : { share: placeOf(request, share) }),
  };
}

/** Names may be anything; those that Kubernetes gives are names of folders, too. */
function defaultSubDir(name: string): string {
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name);
  return isPlain ? name : `volume-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** A folder that is kept when its volume is deleted may be another volume's, too. */
function placeOf(request: CreateVolumeRequest, { subDir, mode, uid, gid }: ShareWish): SharePlace {
  const onDelete = request.mutableParameters.onDelete ?? request.parameters.onDelete;
  return {
    subDir: subDir ?? defaultSubDir(request.name),
    mode,
    uid,
    gid,
    shared: subDir !== undefined && onDelete === 'retain',
  };
}

/** The access that all capabilities share (the edge refuses a mixture); the one that names a file system, where one does. */
export function accessOf(request: CreateVolumeRequest): Access {
  const accesses = request.capabilities.map((capability) => capability.access);
  const named = accesses.find((access) => access.type === 'mount' && access.fsType !== undefined);
  return named ?? accesses[0] ?? { type: 'mount', fsType: undefined, mountFlags: [] };
}
