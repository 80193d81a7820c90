import { join } from 'node:path';
import { errnoOf, StowageError } from '../../errors.ts';
import type { OpenPath } from '../../host/files.ts';
import type { Context } from '../context.ts';
import { type HostPath, WANTED } from './host-path.ts';
import { refuseReserved } from './reserved.ts';

/** Modes of what the OrCreate types make, as hostPath has them. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/**
 * Opens what lies at a host path, makes it first where its type says so, and checks that it is of that type. From then on the caller has that very thing,
 * whatever is renamed or linked there.
 * @throws 'not-found' where it is missing, 'precondition' where it is of another type, behind a link, or Stowage's own; 'timeout'
 */
export async function openHostPath(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<OpenPath> {
  const opened = await openOrMake(context, hostPath, signal);
  try {
    checkType(hostPath, opened);
    await refuseReserved(context, opened, await context.host.mounts.table(), 'bind');
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** Opens what lies at a host path, as it is. */
export async function lookAt(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<OpenPath> {
  try {
    return await open(context, hostPath, hostPath.relative, signal);
  } catch (error) {
    throw await explained(context, hostPath, error, signal);
  }
}

async function openOrMake(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<OpenPath> {
  const { type } = hostPath;
  if (type !== 'DirectoryOrCreate' && type !== 'FileOrCreate') return lookAt(context, hostPath, signal);
  try {
    return await open(context, hostPath, hostPath.relative, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw await explained(context, hostPath, error, signal);
  }
  try {
    await make(context, hostPath, signal);
  } catch (error) {
    throw await explained(context, hostPath, error, signal);
  }
  return lookAt(context, hostPath, signal);
}

function open(context: Context, { path, root }: HostPath, relative: string, signal: AbortSignal): Promise<OpenPath> {
  const { bounded } = context.statics;
  return bounded(
    `opening host path ${path}`,
    signal,
    () => context.host.files.openPath(root, relative),
    (late) => late.close(),
  );
}

async function make(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<void> {
  const { path, type, root, relative } = hostPath;
  const above = await openNearest(context, hostPath, signal);
  try {
    await refuseReserved(context, above, await context.host.mounts.table(), 'make something in');
  } finally {
    above.close();
  }
  const { files } = context.host;
  await context.statics.bounded(
    `making host path ${path}`,
    signal,
    () =>
      type === 'FileOrCreate'
        ? files.makeBeneath(root, relative, 'file', FILE_MODE)
        : files.makeBeneath(root, relative, 'folder', FOLDER_MODE),
    () => undefined,
  );
}

/** The nearest folder above the path that is there. */
async function openNearest(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<OpenPath> {
  const names = hostPath.relative.split('/');
  for (let count = names.length - 1; count > 0; count--) {
    try {
      return await open(context, hostPath, names.slice(0, count).join('/'), signal);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return open(context, hostPath, '', signal);
}

function checkType({ path, type }: HostPath, { stat }: OpenPath): void {
  const wanted = WANTED[type];
  if (wanted === undefined || stat.type === wanted) return;
  throw new StowageError(
    'precondition',
    `host path ${path} is a ${NAMES[stat.type]}, not a ${NAMES[wanted]} as type ${type} asks; change the volume's type or path`,
  );
}

const NAMES: Readonly<Record<OpenPath['stat']['type'], string>> = {
  file: 'file',
  folder: 'folder',
  link: 'symbolic link',
  block: 'block device',
  character: 'character device',
  socket: 'socket',
  fifo: 'fifo',
};

/** The kernel's answer in words; anything else as it is. */
async function explained(context: Context, hostPath: HostPath, error: unknown, signal: AbortSignal): Promise<unknown> {
  const { path, type } = hostPath;
  switch (errnoOf(error)) {
    case 'ENOENT': {
      const remedy =
        type === 'FileOrCreate' || type === 'DirectoryOrCreate'
          ? `and cannot be made: make the folder above it${hostPath.relative === '' ? ', or it' : ''}`
          : 'on this node: make it, or use type DirectoryOrCreate or FileOrCreate';
      return new StowageError('not-found', `host path ${path} does not exist ${remedy}`, { cause: error });
    }
    case 'ENOTDIR':
      return new StowageError('precondition', `host path ${path}: what should be a folder on the way to it is none`, {
        cause: error,
      });
    case 'ELOOP': {
      const link = await findLink(context, hostPath, signal);
      return new StowageError(
        'precondition',
        `host path ${path}: ${link} is a symbolic link, and links beneath ${hostPath.root} are not followed; name the place that it leads to`,
        { cause: error },
      );
    }
    case 'EXDEV':
    case 'EAGAIN': // renames on the way, time and again
      return new StowageError('busy', `host path ${path} changed while it was opened; call again`, { cause: error });
    default:
      return error;
  }
}

/** The first link on the way, for the message. */
async function findLink(context: Context, hostPath: HostPath, signal: AbortSignal): Promise<string> {
  const names = hostPath.relative.split('/');
  for (let count = 1; count <= names.length; count++) {
    const relative = names.slice(0, count).join('/');
    try {
      (await open(context, hostPath, relative, signal)).close();
    } catch (error) {
      if (errnoOf(error) === 'ELOOP') return join(hostPath.root, relative);
      break;
    }
  }
  return 'a part of it';
}
