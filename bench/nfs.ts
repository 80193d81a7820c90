import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { services } from '../src/csi/services.ts';
import { parseMountTable } from '../src/host/mountinfo.ts';
import { labServers } from '../test/lab/support-nfs.ts';
import { nullDriver, residentBytes, type StartedDriver, start, stowageNfs } from './drivers.ts';
import { interrupt } from './interrupt.ts';
import type { NfsSizes, Sizes } from './options.ts';
import { subjectOf } from './ours.ts';
import { CAPABILITY, type Subject } from './phases.ts';
import { withPublished } from './published.ts';
import { CALLS_ALONE, type Results } from './results.ts';
import { empty, fill, measureRounds, say } from './rounds.ts';

/** Share mode, beside the null driver in the same guest. */
export interface NfsResult {
  readonly rounds: Results;
  readonly tree: TreeResult;
  readonly many: ManyResult;
}

/** A tree of files on a volume: how long writing it takes, and what its snapshot and a volume from that take. */
export interface TreeResult {
  readonly bytes: number;
  readonly writeMs: readonly number[];
  readonly snapshotMs: readonly number[];
  readonly restoreMs: readonly number[];
}

/** Many volumes made at once. */
export interface ManyResult {
  readonly volumes: number;
  readonly inFlight: number;
  readonly mounts: number;
  readonly idleBytes: number; // of the driver and its children
  readonly loadedBytes: number;
}

const FILES = 16;
const POLL_MS = 20;
const CALL_TIMEOUT_MS = 120_000;
const { controller } = services;

/** In the lab only: it needs a server of NFS. */
export async function benchNfs(folder: string, sizes: Sizes): Promise<NfsResult> {
  if (process.env.STOWAGE_LAB !== '1') throw new Error('--nfs runs in the lab: see docs/how-to/measure.md');
  const { healthy } = await labServers();
  const ours = await start(await stowageNfs(join(folder, 'stowage')));
  const yardstick = await start(await nullDriver(join(folder, 'null')));
  try {
    const subject = subjectOf('stowage', ours, folder, { server: healthy.address, share: '/' });
    const many = await measureMany(subject, ours, folder, sizes.nfs);
    const { measurements, standing } = await measureRounds(subject, subjectOf('null', yardstick, folder, {}), {
      ...sizes,
      ...sizes.nfs,
    });
    const tree = await measureTree(subject, sizes.nfs);
    await empty(subject, standing);
    return { rounds: { ...CALLS_ALONE, subject: 'stowage', measurements }, tree, many };
  } finally {
    await ours.stop();
    await yardstick.stop();
    await promisify(execFile)('umount', ['-a', '-l', '-t', 'nfs,nfs4']); // mounts of shares outlive the driver
  }
}

async function measureMany(
  subject: Subject,
  driver: StartedDriver,
  folder: string,
  { manyVolumes, manyInFlight }: NfsSizes,
): Promise<ManyResult> {
  say(`${manyVolumes} volumes, ${manyInFlight} in flight`);
  await empty(subject, await fill(subject, 1)); // mounts the share, and starts what reaches it
  const idleBytes = await bytesOf(driver.process.pid);
  const ids = await fill(subject, manyVolumes, manyInFlight);
  const loadedBytes = await bytesOf(driver.process.pid);
  const table = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  const mounts = table.entries.filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`)).length;
  await empty(subject, ids);
  return { volumes: manyVolumes, inFlight: manyInFlight, mounts, idleBytes, loadedBytes };
}

/** Resident memory of a process and all its descendants. */
async function bytesOf(pid: number): Promise<number> {
  let bytes = await residentBytes(pid);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  for (const child of children.trim().split(' ').filter(Boolean)) bytes += await bytesOf(Number(child));
  return bytes;
}

async function measureTree(subject: Subject, { treeBytes, trees }: NfsSizes): Promise<TreeResult> {
  const content = randomBytes(treeBytes / FILES);
  const times = { writeMs: [] as number[], snapshotMs: [] as number[], restoreMs: [] as number[] };
  for (let index = 0; index < trees; index++) {
    interrupt.throwIfAborted();
    say(`snapshot and restore of ${treeBytes / 1024 ** 2} MiB, ${index + 1} of ${trees}`);
    await withPublished(subject, `tree-${index}`, 2 * treeBytes, async ({ id, targetPath }) => {
      const data = join(targetPath, 'data');
      await mkdir(data);
      times.writeMs.push(await timed(() => writeTree(data, content)));
      let snapshotId = '';
      times.snapshotMs.push(
        await timed(async () => {
          snapshotId = await snapshot(subject, id, `snapshot-${index}`);
        }),
      );
      let restoredId = '';
      times.restoreMs.push(
        await timed(async () => {
          restoredId = await restore(subject, `restored-${index}`, 2 * treeBytes, snapshotId);
        }),
      );
      await subject.client.call(controller.DeleteVolume, { volumeId: restoredId });
      await subject.client.call(controller.DeleteSnapshot, { snapshotId });
    });
  }
  return { bytes: treeBytes, ...times };
}

async function writeTree(folder: string, content: Buffer): Promise<void> {
  for (let index = 0; index < FILES; index++) {
    const file = await open(join(folder, `file-${index}`), 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Until it is ready, as the snapshotter waits. */
async function snapshot({ client }: Subject, sourceVolumeId: string, name: string): Promise<string> {
  for (;;) {
    const answer = await client.call(
      controller.CreateSnapshot,
      { name, sourceVolumeId },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    if (answer.snapshot?.readyToUse) return answer.snapshot.snapshotId;
    await sleep(POLL_MS);
  }
}

async function restore(subject: Subject, name: string, sizeBytes: number, snapshotId: string): Promise<string> {
  const { client, parameters } = subject;
  const request = {
    name,
    capacityRange: { requiredBytes: sizeBytes },
    volumeCapabilities: [CAPABILITY],
    parameters,
    volumeContentSource: { snapshot: { snapshotId } },
  };
  const { volume } = await client.call(controller.CreateVolume, request, { timeoutMs: CALL_TIMEOUT_MS });
  return volume?.volumeId ?? '';
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}
