import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeRandom } from '../src/cli/demo/data.ts';
import { services } from '../src/csi/services.ts';
import type { Host } from '../src/host/host.ts';
import type { Ground } from './grounds.ts';
import { interrupt } from './interrupt.ts';
import type { DataPathSizes } from './options.ts';
import type { Subject } from './phases.ts';
import { createVolume, withPublished } from './published.ts';
import { say } from './rounds.ts';

const { controller } = services;

/** Milliseconds that a snapshot and a clone of a full volume take, beside a copy of as many bytes on the same file system. */
export interface CopyMeasurement {
  readonly title: string;
  readonly bytes: number;
  readonly snapshotMs: readonly number[];
  readonly cloneMs: readonly number[];
  readonly copyMs: readonly number[];
}

const POLL_MS = 5;

/** What a volume's own file system keeps for itself; mkfs.xfs(8) makes none below 300 MiB. */
const OVERHEAD_BYTES = 384 * 1024 ** 2;

/** Each time one after another: a copy, a snapshot, a clone. */
export async function measureCopies(
  host: Host,
  subject: Subject,
  { title, path }: Ground,
  { copyBytes: bytes, copies }: DataPathSizes,
): Promise<CopyMeasurement> {
  const plain = join(path, 'bench-plain');
  const copy = join(path, 'bench-copy');
  const volumeBytes = bytes + OVERHEAD_BYTES;
  const result = { snapshotMs: [] as number[], cloneMs: [] as number[], copyMs: [] as number[] };
  return withPublished(subject, 'bench-copied', volumeBytes, async ({ id, targetPath }) => {
    for (const file of [plain, join(targetPath, 'data')])
      await writeRandom(file, 'wx', bytes, interrupt, () => undefined);
    for (let time = 0; time < copies; time++) {
      interrupt.throwIfAborted();
      say(`${title}: copies, ${time + 1} of ${copies}`);
      result.copyMs.push(await timed(() => copyFully(host, plain, copy)));
      await host.files.removeFile(copy);
      result.snapshotMs.push(await timeSnapshot(subject, `bench-${time}`, id));
      result.cloneMs.push(await timeClone(subject, `bench-clone-${time}`, id, volumeBytes));
    }
    await host.files.removeFile(plain);
    return { title, bytes, ...result };
  });
}

/** A copy that is on the disk when it is done, as a snapshot is. */
async function copyFully({ commands }: Host, from: string, to: string): Promise<void> {
  await commands.run('cp', ['--reflink=never', from, to], { signal: interrupt });
  await commands.run('sync', [to], { signal: interrupt });
}

/** CreateSnapshot until it says that the snapshot is ready: a driver under load may answer before. */
async function timeSnapshot({ client }: Subject, name: string, sourceVolumeId: string): Promise<number> {
  let snapshotId = '';
  const ms = await timed(async () => {
    for (let isReady = false; !isReady; ) {
      interrupt.throwIfAborted();
      const { snapshot } = await client.call(controller.CreateSnapshot, { name, sourceVolumeId });
      if (snapshot === null) throw new Error('CreateSnapshot answered without a snapshot');
      snapshotId = snapshot.snapshotId;
      isReady = snapshot.readyToUse;
      if (!isReady) await sleep(POLL_MS);
    }
  });
  await client.call(controller.DeleteSnapshot, { snapshotId });
  return ms;
}

async function timeClone(subject: Subject, name: string, sourceId: string, sizeBytes: number): Promise<number> {
  let volumeId = '';
  const ms = await timed(async () => {
    volumeId = await createVolume(subject, name, sizeBytes, sourceId);
  });
  await subject.client.call(controller.DeleteVolume, { volumeId });
  return ms;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
