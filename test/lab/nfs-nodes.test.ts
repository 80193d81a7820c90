import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LabServer, labServers } from './support-nfs.ts';
import { type LabNode, startNode } from './support-nodes.ts';
import { created, type LabVolume, publish, remove, stage, targetPath, unpublish, unstage } from './support-volumes.ts';

const run = promisify(execFile);
const KINDS = ['flock', 'fcntl'] as const;
const ROUNDS = 40;
const isFull = process.env.STOWAGE_LAB === 'full';

let healthy: LabServer;
const nodes: LabNode[] = [];
let holders: ChildProcess[] = [];
let pods: { readonly on: LabNode; readonly volume: LabVolume }[] = [];

beforeAll(async () => {
  ({ healthy } = await labServers());
  await startStatd(); // the server's own: it must know whose locks to give back, too
  nodes.push(await startNode('worker-1', { role: 'all', statd: true }));
  nodes.push(await startNode('worker-2', { statd: true }));
});
afterEach(async () => {
  for (const holder of holders) holder.kill('SIGKILL');
  holders = [];
  for (const { on, volume } of pods) {
    await unpublish(on, volume);
    await unstage(on, volume);
  }
  // Other tests count what is on this share.
  const [first] = nodes;
  if (first !== undefined) for (const { volume } of pods) await remove(first, volume);
  pods = [];
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
});

async function startStatd(): Promise<void> {
  const { stdout } = await run('rpcinfo', ['-p', '127.0.0.1']);
  if (!/ status$/m.test(stdout)) await run('rpc.statd', ['--no-notify']);
}

/** The volume in a pod on a node; gives its folder there. */
async function inPod(on: LabNode, volume: LabVolume): Promise<string> {
  await stage(on, volume);
  pods.push({ on, volume });
  await publish(on, volume);
  return targetPath(on, volume);
}

/**
 * Adds one to the number in a file, so many times, each time under a lock on that file, which it keeps open; and a line to another file. It asks again and again for the
 * lock: who waits for one is told by a callback, and where that comes too early the kernel waits for 30 s. With `try` it only says whether it gets the lock.
 */
const WRITER = `
use strict; use warnings; use Fcntl qw(:DEFAULT :flock :seek);
my ($kind, $folder, $name, $rounds) = @ARGV;
sub try_lock { my ($file, $type) = @_;
  return flock($file, $type == F_WRLCK ? LOCK_EX | LOCK_NB : LOCK_UN) if $kind eq "flock";
  my $range = pack("s s x4 q q i x4", $type, SEEK_SET, 0, 0, 0); return fcntl($file, F_SETLK, $range) }
sub lock_it { my ($file, $type) = @_;
  until (try_lock($file, $type)) { die "$kind: $!" unless $!{EAGAIN} || $!{EACCES}; select(undef, undef, undef, 0.005 + rand(0.02)) } }
open(my $counter, "+<", "$folder/$kind-counter") or die "open: $!";
if ($rounds eq "try") { $| = 1; print flock($counter, LOCK_EX | LOCK_NB) ? "got it\\n" : "held\\n"; <STDIN>; exit }
for my $round (1 .. $rounds) {
  lock_it($counter, F_WRLCK);
  sysseek($counter, 0, SEEK_SET); sysread($counter, my $number, 20) or die "read: $!";
  sysseek($counter, 0, SEEK_SET); syswrite($counter, sprintf("%-8d\\n", $number + 1)) == 9 or die "write: $!";
  open(my $lines, ">>", "$folder/$kind-lines") or die "open: $!"; syswrite($lines, "$name $round\\n") or die "append: $!"; close($lines) or die "close: $!";
  lock_it($counter, F_UNLCK);
}`;

describe.each([
  ['4.2', ['vers=4.2']],
  ['3', ['vers=3']],
])('a volume that two nodes write at once, NFS %s', (version, mountFlags) => {
  it('loses nothing under locks, of flock and of fcntl', async () => {
    const [first, second] = both();
    const volume = await created(first, `locks-${version}`, healthy, mountFlags);
    const onServer = join(healthy.folder, volume.name);
    for (const kind of KINDS) await writeFile(join(onServer, `${kind}-counter`), `${'0'.padEnd(8)}\n`);
    const work = [first, second].map(async (node) => {
      const folder = await inPod(node, volume);
      const writers = KINDS.flatMap((kind) => ['a', 'b'].map((name) => ({ kind, name: `${node.name}-${name}` })));
      await Promise.all(
        writers.map(({ kind, name }) => node.exec('perl', '-e', WRITER, kind, folder, name, String(ROUNDS))),
      );
    });
    await Promise.all(work);
    const total = 2 * 2 * ROUNDS;
    for (const kind of KINDS) {
      expect(Number(await readFile(join(onServer, `${kind}-counter`), 'utf8'))).toBe(total);
      const lines = (await readFile(join(onServer, `${kind}-lines`), 'utf8')).trim().split('\n');
      expect(lines).toHaveLength(total);
      expect(new Set(lines).size).toBe(total);
    }
  });
});

// mount.nfs waits long for rpc.statd before it gives up.
if (isFull)
  describe('NFS 3 without rpc.statd', () => {
    it('is refused with what to do; with nolock, locks hold on one node only', async () => {
      const [first, second] = both();
      const bare = await startNode('worker-3');
      nodes.push(bare);
      const locked = await created(first, 'no-statd', healthy, ['vers=3']);
      await expect(stage(bare, locked)).rejects.toMatchObject({ details: expect.stringMatching(/rpc\.statd.*nolock/) });
      const unlocked = { ...locked, mountFlags: ['vers=3', 'nolock'] };
      await writeFile(join(healthy.folder, locked.name, 'flock-counter'), '0');
      const answers = [];
      for (const [node, volume] of [[first, locked] as const, [second, locked] as const, [bare, unlocked] as const])
        answers.push(await tried(node, await inPod(node, volume)));
      expect(answers).toEqual(['got it', 'held', 'got it']);
    });
  });

/** Whether a process on that node gets the lock, which it then keeps. */
async function tried(node: LabNode, folder: string): Promise<string> {
  const holder = node.spawn('perl', '-e', WRITER, 'flock', folder, node.name, 'try');
  holders.push(holder);
  if (holder.stdout === null) throw new Error('no output');
  const [said] = await once(holder.stdout, 'data');
  return String(said).trim();
}

function both(): [LabNode, LabNode] {
  const [first, second] = nodes;
  if (first === undefined || second === undefined) throw new Error('there are no nodes');
  return [first, second];
}
