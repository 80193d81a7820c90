import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import type { Host } from '../src/host/host.ts';
import { createHost } from '../src/host/system.ts';
import { type CopyMeasurement, measureCopies } from './copies.ts';
import { type PoolConfig, start, stowage } from './drivers.ts';
import { FIO_JOBS, type Fio, layOut, measureJob } from './fio.ts';
import type { DataPathSizes } from './options.ts';
import type { Subject } from './phases.ts';
import { makePoolFileSystem, type PoolFileSystem } from './pool-fs.ts';
import { withPublished } from './published.ts';
import type { Pair } from './results.ts';
import { say } from './rounds.ts';

/** One job on one backend: bytes per second through its volume, and on a plain file of the same file system. */
export interface DataPathMeasurement {
  readonly backend: string;
  readonly job: string;
  readonly pairs: readonly Pair[];
}

export interface DataPathResult {
  readonly jobs: readonly DataPathMeasurement[];
  readonly copies: readonly CopyMeasurement[];
}

/** A backend, and the file system that it and the plain file are on. */
interface Case {
  readonly backend: PoolConfig['backend'];
  readonly fileSystem: PoolFileSystem;
  readonly isDirect: boolean;
  readonly copies: boolean;
}

const CASES: readonly Case[] = [
  { backend: 'image', fileSystem: 'xfs', isDirect: true, copies: true },
  { backend: 'directory', fileSystem: 'xfs', isDirect: true, copies: true },
  { backend: 'btrfs', fileSystem: 'btrfs', isDirect: true, copies: true },
  { backend: 'memory', fileSystem: 'tmpfs', isDirect: false, copies: false },
];

/** What a file system needs besides the files in it: its log, its metadata, room to balance. */
const OVERHEAD_BYTES = 2 * 1024 ** 3;

/** Every job on every backend, or on those that are named. */
export async function measureDataPath(
  folder: string,
  fio: Fio,
  sizes: DataPathSizes,
  backends: readonly string[],
): Promise<DataPathResult> {
  const results: DataPathResult[] = [];
  for (const one of CASES) {
    if (backends.length > 0 && !backends.includes(one.backend)) continue;
    results.push(await measureCase(join(folder, one.backend), fio, one, sizes));
  }
  return { jobs: results.flatMap(({ jobs }) => jobs), copies: results.flatMap(({ copies }) => copies) };
}

async function measureCase(folder: string, fio: Fio, one: Case, sizes: DataPathSizes): Promise<DataPathResult> {
  const cleanup = createCleanup();
  const host = createHost();
  const title = `${one.backend} on ${one.fileSystem}`;
  try {
    const records = join(folder, 'records');
    await mkdir(records, { recursive: true });
    const { fileBytes, copyBytes } = sizes;
    const sizeBytes = 4 * Math.max(fileBytes, copyBytes) + OVERHEAD_BYTES;
    const path = await makePoolFileSystem(host, one.fileSystem, { folder, sizeBytes, cleanup });
    const driver = await start(
      await stowage(join(folder, 'driver'), poolOf(one, one.backend === 'memory' ? records : path, sizeBytes)),
    );
    cleanup.add('driver', driver.stop);
    const { client, nodeId } = driver;
    const kubeletFolder = join(folder, 'kubelet');
    const subject: Subject = { name: 'stowage', client, nodeId, kubeletFolder, parameters: {}, pid: undefined };
    const jobs = await measureJobs(host, fio, subject, { ...one, title, path, sizes });
    const copies = one.copies ? [await measureCopies(host, subject, { title, path, sizes })] : [];
    return { jobs, copies };
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

/** A volume of memory lies in a tmpfs of its own; its pool has only a folder. */
function poolOf(one: Case, path: string, sizeBytes: number): PoolConfig {
  switch (one.backend) {
    case 'directory':
    case 'btrfs':
      return { name: one.backend, backend: one.backend, path, quota: 'advisory' };
    case 'image':
      return { name: one.backend, backend: one.backend, path, fsType: 'xfs' };
    case 'memory':
      return { name: one.backend, backend: one.backend, path, size: String(sizeBytes) };
  }
}

interface Ground {
  readonly title: string;
  readonly isDirect: boolean;
  readonly path: string; // of the bare file system
  readonly sizes: DataPathSizes;
}

/** In alternation (A B, B A, ...), so that what else the machine does meets both alike. */
async function measureJobs(host: Host, fio: Fio, subject: Subject, ground: Ground): Promise<DataPathMeasurement[]> {
  const { title, isDirect, path, sizes } = ground;
  const { fileBytes, rounds, runtimeSeconds } = sizes;
  const plain = join(path, 'bench-plain');
  const volumeBytes = fileBytes + OVERHEAD_BYTES / 4;
  return withPublished(subject, 'bench-data', volumeBytes, async ({ targetPath }) => {
    const files = { ours: join(targetPath, 'bench'), yardstick: plain };
    const measurements: DataPathMeasurement[] = [];
    try {
      for (const file of Object.values(files)) await layOut(fio, file, fileBytes, isDirect);
      for (const job of FIO_JOBS) {
        const pairs: Pair[] = [];
        for (let round = 0; round < rounds; round++) {
          say(`${title}: ${job.title}, ${round + 1} of ${rounds}`);
          const take = (which: keyof Pair) =>
            measureJob(fio, job, files[which], { fileBytes, isDirect, runtimeSeconds });
          const first = round % 2 === 0 ? await take('ours') : undefined;
          const yardstick = await take('yardstick');
          pairs.push({ ours: first ?? (await take('ours')), yardstick });
        }
        measurements.push({ backend: title, job: job.title, pairs });
      }
    } finally {
      await host.files.removeFile(plain);
    }
    return measurements;
  });
}
