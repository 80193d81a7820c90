import * as fs from 'node:fs';
import * as promises from 'node:fs/promises';
import { promisify } from 'node:util';

const write = promisify(fs.write);

/** System calls of changes, which wait for a disk or a server. Failures are Node's system errors. */
export interface Waiting {
  open(path: string, flags: number, mode: number): Promise<number>;
  /** @returns how many bytes from the offset on were written */
  write(fd: number, bytes: Uint8Array, offset: number): Promise<number>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  symlink(text: string, path: string): Promise<void>;
  readlink(path: string): Promise<string>;
}

/** Each in one of libuv's threads: all else goes on meanwhile. */
export const inThreads: Waiting = {
  open: promisify(fs.open),
  write: async (fd, bytes, offset) => (await write(fd, bytes, offset)).bytesWritten,
  rename: promises.rename,
  unlink: promises.unlink,
  mkdir: async (path, mode) => {
    await promises.mkdir(path, mode);
  },
  symlink: (text, path) => promises.symlink(text, path),
  readlink: (path) => promises.readlink(path),
};

/** In-process, which saves the way to a thread and back, often longer than the call: for a process that has nothing else to do. */
export const inProcess: Waiting = {
  open: async (path, flags, mode) => fs.openSync(path, flags, mode),
  write: async (fd, bytes, offset) => fs.writeSync(fd, bytes, offset),
  rename: async (from, to) => fs.renameSync(from, to),
  unlink: async (path) => fs.unlinkSync(path),
  mkdir: async (path, mode) => {
    fs.mkdirSync(path, mode);
  },
  symlink: async (text, path) => fs.symlinkSync(text, path),
  readlink: async (path) => fs.readlinkSync(path),
};
