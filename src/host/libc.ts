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

/** Builds the error that Node would throw for this system call. `errno` is positive; `path` names what was asked. */
export function systemError(errno: number, syscall: string, path?: string): SystemError {
  const [code, description] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  const where = path === undefined ? '' : ` '${path}'`;
  const error = new Error(`${code}: ${description}, ${syscall}${where}`);
  return Object.assign(error, { code, errno: -errno, syscall, ...(path === undefined ? {} : { path }) });
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
