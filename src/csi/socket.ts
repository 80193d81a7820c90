import { lstat, rename, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { errnoOf, StowageError } from '../errors.ts';

/** sun_path of unix(7) is 108 bytes with its final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * The socket's path of an endpoint: /run/csi.sock or unix:///run/csi.sock (unix:/run/csi.sock too).
 * @throws StowageError 'invalid' where it is relative, does not end in .sock (CSI, "Lifecycle") or is too long
 */
export function socketPath(endpoint: string): string {
  const path = endpoint.replace(/^unix:(?:\/\/)?(?=\/(?!\/))/, '');
  if (!isAbsolute(path) || !path.endsWith('.sock') || path.includes('\0')) {
    throw new StowageError(
      'invalid',
      `endpoint "${endpoint}" is not the absolute path of a UNIX socket ending in .sock, such as unix:///csi/csi.sock`,
    );
  }
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new StowageError('invalid', `endpoint "${endpoint}" is longer than ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  return path;
}

/**
 * Checks that a server may take `path`: its folder exists, and nothing is there, or the socket of a server that is gone.
 * @throws StowageError 'precondition' where the folder is missing, a server answers there, or it is no socket
 */
export async function checkSocketFree(path: string): Promise<void> {
  const folder = dirname(path);
  const folderStat = await statOrUndefined(() => stat(folder));
  if (folderStat?.isDirectory() !== true) {
    throw new StowageError('precondition', `the folder of socket ${path} does not exist; make ${folder} first`);
  }
  const found = await statOrUndefined(() => lstat(path));
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new StowageError(
      'precondition',
      `${path} is there and is not a socket; remove it or choose another endpoint`,
    );
  }
  if (await isAnswered(path)) {
    throw new StowageError('precondition', `a server answers on ${path} already; stop it or choose another endpoint`);
  }
}

/**
 * Where a server listens before it has all it needs to be seen at `path`: a short hidden name in the same folder.
 * Renaming from there replaces a stale socket in one step, and keeps libuv, which removes the path that it was bound to
 * when it closes, from removing the socket of a successor.
 */
export async function temporarySocketPath(path: string): Promise<string> {
  const temporary = join(dirname(path), `.${process.pid.toString(36)}`);
  const left = await statOrUndefined(() => lstat(temporary)); // of a process that died with our pid: 1 in containers
  if (left?.isSocket() === true) await unlink(temporary);
  return temporary;
}

/** Moves the listening socket to its place; gives a function that removes it, if it is still this one. */
export async function placeSocket(temporary: string, path: string): Promise<() => Promise<void>> {
  const own = await lstat(temporary);
  await rename(temporary, path);
  return async () => {
    const found = await statOrUndefined(() => lstat(path));
    if (found?.ino === own.ino && found.dev === own.dev) await unlink(path);
  };
}

async function statOrUndefined<T>(take: () => Promise<T>): Promise<T | undefined> {
  try {
    return await take();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** True if someone accepts connections on the socket. ECONNREFUSED is a socket without a server (unix(7)). */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (cause) => {
      const errno = errnoOf(cause);
      if (errno === 'ECONNREFUSED' || errno === 'ENOENT') resolve(false);
      else if (errno === 'EAGAIN')
        resolve(true); // its queue of waiting connections is full
      else
        reject(
          new StowageError('precondition', `cannot tell whether a server uses ${basename(path)}: ${cause.message}`, {
            cause,
          }),
        );
    });
  });
}
