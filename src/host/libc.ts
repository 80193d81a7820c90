import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';

const library = koffi.load(null); // the C library that this process runs on

/** A failed system call, in the form of Node's own system errors. */
export interface SystemError extends Error {
  readonly code: string; // 'ENOENT'
  readonly errno: number; // negative, as in Node
  readonly syscall: string;
  readonly path?: string;
}

/** Built once: some calls fail as often as they are made. */
let systemErrors: ReturnType<typeof getSystemErrorMap> | undefined;

/** Builds the error that Node would throw for this system call. `errno` is positive; `path` names what was asked. */
export function systemError(errno: number, syscall: string, path?: string): SystemError {
  systemErrors ??= getSystemErrorMap();
  const [code, description] = systemErrors.get(-errno) ?? [nameOf(errno), 'system error'];
  const where = path === undefined ? '' : ` '${path}'`;
  const error = new Error(`${code}: ${description}, ${syscall}${where}`);
  return Object.assign(error, { code, errno: -errno, syscall, ...(path === undefined ? {} : { path }) });
}

/** Node's map of system errors lacks some, such as EDQUOT. */
function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;
}

type Argument = number | bigint | string | Uint8Array | null;

/**
 * Binds a C function that returns -1 and sets errno on failure.
 * @param prototype its C prototype, for example `int umount2(const char *target, int flags)`
 * @returns a function of the same arguments that returns the C result, or throws a SystemError that names `path` (its first argument here)
 */
export function bindCall(prototype: string): (path: string | undefined, ...args: Argument[]) => number {
  const call = library.func(prototype);
  const name = /(\w+)\s*\(/.exec(prototype)?.[1] ?? prototype;
  return (path, ...args) => {
    const result = Number(call(...args));
    if (result === -1) throw systemError(koffi.errno(), name, path);
    return result;
  };
}

/** The same for a system call without a C wrapper, by number (x86-64 and arm64 share those from 403 up): syscall(2). */
export function bindSyscall(
  name: string,
  number: number,
  parameters: string,
): (path: string | undefined, ...args: Argument[]) => number {
  const call = library.func(`long syscall(long number, ${parameters})`);
  return (path, ...args) => {
    const result = Number(call(number, ...args));
    if (result === -1) throw systemError(koffi.errno(), name, path);
    return result;
  };
}

/**
 * Binds a C function as bindCall does, run in a thread of libuv's pool: for calls that can wait for a disk or a frozen file system.
 * Buffers given as arguments must not be touched before it settles.
 */
export function bindAsyncCall(prototype: string): (path: string | undefined, ...args: Argument[]) => Promise<number> {
  const name = /(\w+)\s*\(/.exec(prototype)?.[1] ?? prototype;
  return inThread(name, library.func(prototype));
}

/** bindSyscall, run in a thread as bindAsyncCall does. */
export function bindAsyncSyscall(
  name: string,
  number: number,
  parameters: string,
): (path: string | undefined, ...args: Argument[]) => Promise<number> {
  const call = inThread(name, library.func(`long syscall(long number, ${parameters})`));
  return (path, ...args) => call(path, number, ...args);
}

function inThread(
  name: string,
  call: ReturnType<typeof library.func>,
): (path: string | undefined, ...args: Argument[]) => Promise<number> {
  return (path, ...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (failure: Error | null, returned: number | bigint) => {
        if (failure !== null) return reject(failure);
        const result = Number(returned);
        if (result !== -1) return resolve(result);
        reject(systemError(koffi.errno(), name, path)); // koffi keeps the thread's errno for this callback
      });
    });
}

/** Where a buffer's bytes lie, for a pointer within another structure. Only for buffers of more than 64 bytes, which never move. */
export function addressOf(buffer: Uint8Array): bigint {
  return BigInt(koffi.address(buffer));
}
