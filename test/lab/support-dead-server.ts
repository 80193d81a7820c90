import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../src/errors.ts';
import type { LabServer } from './support-nfs.ts';
import { addressForNodes, type LabNode } from './support-nodes.ts';

const run = promisify(execFile);

/** A way for a server to be of no use to its nodes, and back. */
export interface Death {
  readonly name: string;
  readonly isSilent: boolean; // nobody says that the server is away
  strike(server: LabServer): Promise<void>;
  undo(server: LabServer): Promise<void>;
}

/** `rpc.nfsd 0`: the machine lives, and refuses connections. And a machine that is away: what is sent there is lost on the way, in silence. */
export const DEATHS: readonly Death[] = [
  {
    name: 'its threads are stopped',
    isSilent: false,
    strike: (server) => server.halt(),
    undo: (server) => server.resume(),
  },
  {
    name: 'its packets are dropped',
    isSilent: true,
    // The guest routes between the nodes and the server, and drops by a route: its kernel has no filter.
    strike: async (server) => {
      await run('ip', ['route', 'add', 'blackhole', addressForNodes(server)]);
    },
    undo: async (server) => {
      const { stdout } = await run('ip', ['route', 'show', 'type', 'blackhole']);
      if (stdout.trim() !== '') await run('ip', ['route', 'del', 'blackhole', addressForNodes(server)]);
    },
  },
];

/** Appends numbered lines to a file of a volume, each with fsync, and says what came of each: `ok N`, or the error. */
const WRITER = `
use strict; use warnings; use IO::Handle; $| = 1;
open(my $file, ">>", $ARGV[0]) or die; $file->autoflush(1);
for (my $line = 1; ; $line++) {
  my $done = print {$file} "$line\\n"; my $why = "$!"; if ($done) { $done = $file->sync; $why = "$!" }
  print $done ? "ok $line\\n" : "$why\\n"; select(undef, undef, undef, 0.2);
}`;

/** A pod that writes all the time. */
export interface Writer {
  /** Waits until it has written once more. */
  progress(): Promise<void>;
  processes(): number[];
  /** Kills it. @returns how many lines were acknowledged, and what else it said */
  end(): Promise<{ readonly lines: number; readonly errors: readonly string[] }>;
}

export function startWriter(on: LabNode, file: string): Writer {
  const child = on.spawn('perl', '-e', WRITER, file);
  const { stdout } = child;
  if (stdout === null) throw new Error('no output');
  let said = '';
  stdout.on('data', (text) => {
    said += text;
  });
  return {
    progress: async () => {
      await once(stdout, 'data');
    },
    processes: () => (child.pid === undefined ? [] : [child.pid]),
    async end() {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      const lines = said.trim().split('\n');
      const errors = lines.filter((line) => !line.startsWith('ok '));
      return { lines: lines.length - errors.length, errors };
    },
  };
}

/** Leaves data for a server in the node's memory: writes to an open file while the server is dead, and dies. */
const LEAVER = `$| = 1; open F, ">", $ARGV[0] or die; print "open\\n"; <STDIN>; syswrite F, "dirty"; print "written\\n"; sleep`;

/** Opens a file; what is returned writes to it, without the server, and ends. */
export async function openForDirt(on: LabNode, file: string): Promise<() => Promise<void>> {
  const child = on.spawn('perl', '-e', LEAVER, file);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  await once(stdout, 'data');
  return async () => {
    stdin.write('\n');
    await once(stdout, 'data');
    child.kill('SIGKILL');
  };
}

export interface Held {
  readonly threads: number; // of the driver
  readonly children: number; // of the driver, and what it left behind
  readonly residentBytes: number; // of the driver
}

/** What the driver takes of its node now. `others` are processes that are not its own. */
export async function heldBy(node: LabNode, others: ReadonlySet<number>): Promise<Held> {
  const status = await readFile(`/proc/${node.pid()}/status`, 'utf8');
  const children = (await node.processes()).filter((pid) => pid !== node.pid() && !others.has(pid));
  return {
    threads: (await readdir(`/proc/${node.pid()}/task`)).length,
    children: (await Promise.all(children.map(isAlive))).filter(Boolean).length,
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
  };
}

/** False for one that has ended and waits for its parent to see it. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+[ZX]/m.test(await readFile(join('/proc', String(pid), 'status'), 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}
