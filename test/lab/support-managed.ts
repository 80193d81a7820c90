import { once } from 'node:events';
import { services } from '../../src/csi/services.ts';
import { nfsUp } from './support-nfs.ts';
import { type LabNode, startNode } from './support-nodes.ts';
import { type LabVolume, publish, stage, targetPath, unpublish, unstage, volumeCapability } from './support-volumes.ts';

const { controller } = services;
const MIB = 1024 ** 2;

/** Where the pool of the machine that serves lies, also as the test sees it. */
export const POOL = '/tmp/stowage-managed';

/** The machine that serves volumes of its own pool `tank`, a directory pool on XFS with project quotas, with the controller on it. */
export async function startManagedServer(name: string): Promise<LabNode> {
  await nfsUp(`{ mountpoint -q ${POOL} || nfs_fs ${POOL}.img 2G ${POOL}; }`);
  return startNode(name, {
    role: 'controller',
    config: (address) => ({
      managed: {
        server: address,
        nfs3: true,
        leaseSeconds: 10,
        pools: [{ name: 'tank', backend: 'directory', path: POOL }],
      },
    }),
    statd: true,
  });
}

/** A volume of the pool `tank`, attached to no node. */
export async function createdInPool(
  on: LabNode,
  name: string,
  sizeMib = 64,
  mountFlags: readonly string[] = [],
): Promise<LabVolume> {
  const { volume } = await on.call(controller.CreateVolume, {
    name,
    capacityRange: { requiredBytes: sizeMib * MIB },
    volumeCapabilities: [volumeCapability(mountFlags)],
    parameters: { pool: 'tank' },
  });
  if (volume === null) throw new Error('CreateVolume answered without a volume');
  return { name, id: volume.volumeId, context: volume.volumeContext, mountFlags };
}

/** A volume with what another one has by now, attached to no node. */
export async function clonedInPool(on: LabNode, name: string, source: LabVolume): Promise<LabVolume> {
  const { volume } = await on.call(controller.CreateVolume, {
    name,
    volumeCapabilities: [volumeCapability([])],
    parameters: { pool: 'tank' },
    volumeContentSource: { volume: { volumeId: source.id } },
  });
  if (volume === null) throw new Error('CreateVolume answered without a volume');
  return { name, id: volume.volumeId, context: volume.volumeContext, mountFlags: [] };
}

/** Stages and publishes it on a node that it is attached to. @returns where the pod has it */
export async function inPod(on: LabNode, volume: LabVolume): Promise<string> {
  await stage(on, volume);
  await publish(on, volume);
  return targetPath(on, volume);
}

export async function outOfPod(on: LabNode, volume: LabVolume): Promise<void> {
  await unpublish(on, volume);
  await unstage(on, volume);
}

export async function attach(on: LabNode, { id, context, mountFlags }: LabVolume, to: LabNode, readonly = false) {
  await on.call(controller.ControllerPublishVolume, {
    volumeId: id,
    nodeId: to.nodeId,
    volumeCapability: volumeCapability(mountFlags),
    volumeContext: context,
    readonly,
  });
}

export async function detach(on: LabNode, { id }: LabVolume, from: LabNode) {
  await on.call(controller.ControllerUnpublishVolume, { volumeId: id, nodeId: from.nodeId });
}

/** Opens, locks and appends as it is told, and says what came of it. What was opened stays open; the last one is written to. */
const HOLDER = `
use strict; use warnings; use Fcntl qw(:DEFAULT :flock); use IO::Handle; $| = 1; my ($file, @held);
while (my $line = <STDIN>) { chomp $line; my ($verb, $what) = split / /, $line;
  if ($verb ne "write") { push @held, $file; undef $file }
  if ($verb eq "open") { print open($file, "+>>", $what) ? "opened\\n" : "$!\\n" }
  elsif ($verb eq "lock") { print open($file, "+>>", $what) && flock($file, LOCK_EX | LOCK_NB) ? "locked\\n" : "$!\\n" }
  else { print defined(syswrite($file, "$what\\n")) && $file->sync ? "written\\n" : "$!\\n" } }`;

/** A process with a file open: told `open PATH` it says `opened`, `lock PATH` (and open it) `locked`, `write WORD` (and fsync) `written`; or the error. */
export const startHolder = (node: LabNode) => talkTo(node, 'perl', '-e', HOLDER);

/** Runs a program in a node, which reads lines from stdin; `ask` sends one and gives the line that it answers. */
export function talkTo(node: LabNode, program: string, ...args: readonly string[]) {
  const child = node.spawn(program, ...args);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('a child without pipes');
  return {
    async ask(line: string): Promise<string> {
      stdin.write(`${line}\n`);
      const [answer] = await once(stdout, 'data');
      return String(answer).trim();
    },
    end: () => child.kill('SIGKILL'),
  };
}

/** What came of a call: `ok`, or its error in words. */
export const failure = (call: Promise<unknown>) => call.then(() => 'ok', String);

/** Runs a script of the shell on a node. */
export const sh = (on: LabNode, script: string) => on.exec('sh', '-c', script);
