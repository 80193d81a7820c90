import { appendFile } from 'node:fs/promises';
import { StowageError } from '../errors.ts';
import type { Commands } from './command.ts';
import { readIfThere } from './if-there.ts';

/** A folder that the kernel's NFS server gives to one client (exports(5)). */
export interface NfsExport {
  readonly path: string; // absolute
  readonly client: string; // an IP address, or * for everyone
}

/** As the table has it: with what it gives the client, and the number that file handles of it begin with. */
export interface ListedExport extends NfsExport {
  readonly readOnly: boolean;
  readonly fsid: string | undefined;
}

/** The table of exports, which rpc.mountd answers the kernel from. */
export interface NfsExports {
  list(): Promise<ListedExport[]>;
  /** Exports it, or gives it other options; `options` are those of exports(5), each on its own. /etc/exports is left aside. */
  add(entry: NfsExport, options: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Takes it away, for handles that the client has, too: the kernel forgets what it knows of exports (exportfs(8), -f). Nothing where it is not exported.
   */
  remove(entry: NfsExport, signal: AbortSignal): Promise<void>;
}

const TABLE = '/var/lib/nfs/etab';
/** `/path<tab>client(options)`; what is special in a path is octal. */
const LINE = /^(\S+)\s+(\S+?)\(([^()]*)\)$/;
const FSID = 'fsid=';
const OPTION = /^[a-z_]+(?:=[A-Za-z0-9:._-]+)?$/;
const NOT_EXPORTED = /Could not find .* to unexport/;

export function createNfsExports(commands: Commands): NfsExports {
  return {
    async list() {
      return ((await readIfThere(TABLE)) ?? '').split('\n').flatMap(parseLine);
    },
    async add(entry, options, signal) {
      const unsafe = options.find((option) => !OPTION.test(option));
      if (unsafe !== undefined) throw new StowageError('internal', `${JSON.stringify(unsafe)} is no export option`);
      await appendFile(TABLE, ''); // exportfs fails where nobody has made it yet
      await commands.run('exportfs', ['-i', '-o', options.join(','), argument(entry)], { signal });
    },
    async remove(entry, signal) {
      const { exitCode, stderr } = await commands.run('exportfs', ['-u', argument(entry)], {
        signal,
        exitCodes: [0, 1],
      });
      if (exitCode !== 0 && !NOT_EXPORTED.test(stderr)) {
        throw new StowageError('internal', `${entry.path} is still exported to ${entry.client}: ${stderr.trim()}`);
      }
      await commands.run('exportfs', ['-f'], { signal });
    },
  };
}

function parseLine(line: string): ListedExport[] {
  const [, path, client, text] = LINE.exec(line) ?? [];
  if (path === undefined || client === undefined || text === undefined) return [];
  const options = text.split(',');
  const fsid = options.find((option) => option.startsWith(FSID))?.slice(FSID.length);
  return [{ path: unescapeOctal(path), client, readOnly: options.includes('ro'), fsid }];
}

function argument({ path, client }: NfsExport): string {
  return `${client.includes(':') ? `[${client}]` : client}:${path}`;
}

function unescapeOctal(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
