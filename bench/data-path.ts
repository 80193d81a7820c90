import { join } from 'node:path';
import type { Host } from '../src/host/host.ts';
import { type CopyMeasurement, measureCopies } from './copies.ts';
import { start, stowage } from './drivers.ts';
import { FIO_JOBS, type Fio, layOut, measureJob } from './fio.ts';
import { type Ground, onEachGround } from './grounds.ts';
import { interrupt } from './interrupt.ts';
import { spreadText } from './markdown.ts';
import type { DataPathSizes } from './options.ts';
import type { Subject } from './phases.ts';
import { withPublished } from './published.ts';
import { medianRatio, type Pair } from './results.ts';
import { say } from './rounds.ts';

/** One job on one backend: bytes per second through its volume, and on a plain file of the same file system. */
export interface DataPathMeasurement {
  readonly backend: string;
  readonly title: string;
  readonly job: string;
  readonly pairs: readonly Pair[];
}

export interface DataPathResult {
  readonly jobs: readonly DataPathMeasurement[];
  readonly copies: readonly CopyMeasurement[];
}

/** What a file system needs besides the files in it: its log, its metadata, room to balance. */
const OVERHEAD_BYTES = 2 * 1024 ** 3;

/** Every job on every backend, or on those that are named. What this kernel cannot run is said and left out. */
export async function measureDataPath(
  folder: string,
  fio: Fio,
  sizes: DataPathSizes,
  backends: readonly string[],
): Promise<DataPathResult> {
  const results = await onEachGround(folder, { backends, sizeBytes: sizeOf(sizes) }, (host, ground, ownFolder) =>
    measureGround(host, fio, ground, { folder: ownFolder, sizes }),
  );
  return { jobs: results.flatMap(({ jobs }) => jobs), copies: results.flatMap(({ copies }) => copies) };
}

/** The files of all rounds, the volume's and the plain ones, or a volume with its copies. */
function sizeOf({ rounds, fileBytes, copyBytes }: DataPathSizes): number {
  return 2 * rounds * fileBytes + 4 * copyBytes + OVERHEAD_BYTES;
}

interface Plan {
  readonly folder: string;
  readonly sizes: DataPathSizes;
}

async function measureGround(host: Host, fio: Fio, ground: Ground, { folder, sizes }: Plan): Promise<DataPathResult> {
  const driver = await start(await stowage(join(folder, 'driver'), ground.pool));
  try {
    const { client, nodeId } = driver;
    const kubeletFolder = join(folder, 'kubelet');
    const subject: Subject = { name: 'stowage', client, nodeId, kubeletFolder, parameters: {}, pid: undefined };
    const jobs = await measureJobs(host, fio, subject, ground, sizes);
    const copies = ground.copies ? [await measureCopies(host, subject, ground, sizes)] : [];
    return { jobs, copies };
  } finally {
    await driver.stop();
  }
}

/** Rounds of all jobs, one pair of new files each, since where a file lies on its disk counts too. */
async function measureJobs(
  host: Host,
  fio: Fio,
  subject: Subject,
  { backend, title, isDirect, path }: Ground,
  { fileBytes, rounds, runtimeSeconds }: DataPathSizes,
): Promise<DataPathMeasurement[]> {
  const pairs = new Map(FIO_JOBS.map((job): [typeof job, Pair[]] => [job, []]));
  const plainFile = (round: number) => join(path, `bench-plain-${round}`);
  await withPublished(subject, 'bench-data', rounds * fileBytes + OVERHEAD_BYTES / 4, async ({ targetPath }) => {
    try {
      for (let round = 0; round < rounds; round++) {
        say(`${title}: ${round + 1} of ${rounds}`);
        const files = { ours: join(targetPath, `bench-${round}`), yardstick: plainFile(round) };
        const how = { fileBytes, isDirect, runtimeSeconds };
        await inTurn(round, (which) => layOut(fio, files[which], how));
        for (const [job, found] of pairs)
          found.push(await inTurn(round, (which) => measureJob(fio, job, files[which], how)));
      }
    } finally {
      for (let round = 0; round < rounds; round++) await host.files.removeFile(plainFile(round));
    }
  });
  for (const [job, found] of pairs) say(`${title}: ${job.title}: ${spreadText(medianRatio(found))} of a plain file`);
  return [...pairs].map(([job, found]) => ({ backend, title, job: job.title, pairs: found }));
}

/** In alternation (A B, B A, ...), so that what else the machine does meets both alike. */
async function inTurn<T>(
  round: number,
  take: (which: keyof Pair) => Promise<T>,
): Promise<{ readonly ours: T; readonly yardstick: T }> {
  interrupt.throwIfAborted();
  if (round % 2 === 0) {
    const ours = await take('ours');
    return { ours, yardstick: await take('yardstick') };
  }
  const yardstick = await take('yardstick');
  return { ours: await take('ours'), yardstick };
}
