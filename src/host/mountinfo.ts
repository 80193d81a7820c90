import { openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { StowageError } from '../errors.ts';
import { mountTableChanged } from './mount-syscalls.ts';
import type { MountEntry, MountTable } from './mounts.ts';

const MOUNTINFO = '/proc/self/mountinfo';
const CHUNK_BYTES = 64 * 1024;
const READS_MAX = 4; // of one call, while the table keeps changing

/** Resolves the kernel's octal escapes: `\040` is a space (proc_pid_mountinfo(5)). */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_escape, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Parses one line of mountinfo. Throws StowageError 'internal' if it does not have the form of proc_pid_mountinfo(5). */
export function parseMountEntry(line: string): MountEntry {
  const separator = line.indexOf(' - '); // after the optional fields, of which there is any number
  const [id, parentId, device, root, mountPoint, options] = line.slice(0, Math.max(separator, 0)).split(' ');
  const [fsType, source, superOptions] = line.slice(separator + 3).split(' ');
  if (
    id === undefined ||
    parentId === undefined ||
    device === undefined ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    fsType === undefined ||
    source === undefined ||
    superOptions === undefined
  ) {
    throw new StowageError('internal', `${MOUNTINFO} has a line that is not of the documented form: ${line}`);
  }
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescaped(root),
    mountPoint: unescaped(mountPoint),
    options: options.split(',').map(unescaped),
    fsType: unescaped(fsType),
    source: unescaped(source),
    superOptions: superOptions.split(',').map(unescaped),
  };
}

/**
 * The visible mount of each mount point: the one that no other covers at the same point. The order of the lines does not tell:
 * the kernel sorts by mount id, and a tree gets its id when it is cloned, not when it is attached.
 */
function topmostByMountPoint(entries: readonly MountEntry[]): Map<string, MountEntry> {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const covered = new Set<number>();
  for (const entry of entries) {
    const parent = byId.get(entry.parentId);
    if (parent !== undefined && parent !== entry && parent.mountPoint === entry.mountPoint) covered.add(parent.id);
  }
  return new Map(entries.filter((entry) => !covered.has(entry.id)).map((entry) => [entry.mountPoint, entry]));
}

function normalized(path: string): string {
  if (!posix.isAbsolute(path)) {
    throw new StowageError(
      'invalid',
      `a mount was looked up for "${path}", which is not absolute: give the whole path`,
    );
  }
  return posix.resolve(path); // without a trailing slash
}

/**
 * Parses the text of a mountinfo file. Throws StowageError 'internal' as parseMountEntry does.
 * @param known the lines of an earlier text with their entries, which are taken over; it then holds the lines of this one. Most lines stay
 * as they are when one mount comes or goes, and a node has hundreds.
 */
export function parseMountTable(text: string, known = new Map<string, MountEntry>()): MountTable {
  const lines = text.split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => known.get(line) ?? parseMountEntry(line));
  known.clear();
  for (const [index, entry] of entries.entries()) known.set(lines[index] ?? '', entry);
  const topmost = topmostByMountPoint(entries);
  return {
    entries,
    at(path) {
      return topmost.get(normalized(path));
    },
    containing(path) {
      for (let folder = normalized(path); ; folder = posix.dirname(folder)) {
        const entry = topmost.get(folder);
        if (entry !== undefined) return entry;
        if (folder === '/') {
          throw new StowageError('internal', `${MOUNTINFO} has no mount that contains ${path}, not even the root`);
        }
      }
    },
  };
}

function readAll(fd: number): string {
  const chunks: Buffer[] = [];
  for (let offset = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = readSync(fd, chunk, 0, CHUNK_BYTES, offset);
    if (bytes === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(chunk.subarray(0, bytes));
    offset += bytes;
  }
}

/** The present text of mountinfo, read anew. */
export function readMountTable(fd: number, known?: Map<string, MountEntry>): MountTable {
  return parseMountTable(readAll(fd), known);
}

/** Gives the mount table of now. */
export interface MountTableReader {
  /** The table that was read last, where it is still that of now (one poll(2)); undefined where it must be read. */
  unchanged(): MountTable | undefined;
  read(): MountTable;
}

/**
 * Keeps mountinfo open for the life of the process and parses it anew only
 * if poll(2) says that it changed. It polls before it reads, and again after, so that a table that changed during the read is read again
 * (at most four times in one call). The kernel does not announce that a superblock alone turned read-only after an error: `superOptions` may lag.
 */
export function createMountTableReader(): MountTableReader {
  let fd: number | undefined;
  let table: MountTable | undefined;
  const known = new Map<string, MountEntry>();

  function unchanged(): MountTable | undefined {
    fd ??= openSync(MOUNTINFO, 'r');
    if (mountTableChanged(fd)) table = undefined; // the change is announced once: if a read fails, the next call must read
    return table;
  }

  return {
    unchanged,
    read() {
      fd ??= openSync(MOUNTINFO, 'r');
      for (let reads = 0; reads < READS_MAX && unchanged() === undefined; reads++) table = readMountTable(fd, known);
      if (table === undefined) throw new StowageError('internal', `${MOUNTINFO} was not read`);
      return table;
    },
  };
}
