import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../src/errors.ts';

const run = promisify(execFile);

/** One way of reading or writing a file. */
export interface FioJob {
  readonly title: string;
  readonly rw: 'read' | 'write' | 'randread' | 'randwrite';
  readonly blockBytes: number;
  readonly ioDepth: number;
}

export const FIO_JOBS: readonly FioJob[] = [
  { title: 'sequential write, 1 MiB', rw: 'write', blockBytes: 1024 ** 2, ioDepth: 4 },
  { title: 'sequential read, 1 MiB', rw: 'read', blockBytes: 1024 ** 2, ioDepth: 4 },
  { title: 'random read, 4 KiB', rw: 'randread', blockBytes: 4096, ioDepth: 16 },
  { title: 'random write, 4 KiB', rw: 'randwrite', blockBytes: 4096, ioDepth: 16 },
];

/** How fio works here: its asynchronous engine. */
export interface Fio {
  readonly engine: 'libaio' | 'io_uring';
}

/** fio(1) of this machine. Throws where it is missing, saying what to install. */
export async function findFio(): Promise<Fio> {
  try {
    const { stdout } = await run('fio', ['--enghelp']);
    const engine = (['libaio', 'io_uring'] as const).find((name) => stdout.includes(name));
    if (engine === undefined) throw new Error('it has neither libaio nor io_uring');
    return { engine };
  } catch (error) {
    throw new Error(`the data path needs fio (Debian: apt-get install fio): ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the whole file once, so that no job meets blocks that are not allocated yet. */
export async function layOut(fio: Fio, file: string, fileBytes: number, isDirect: boolean): Promise<void> {
  const job: FioJob = { title: 'lay out', rw: 'write', blockBytes: 1024 ** 2, ioDepth: 4 };
  await fioRun([...argsOf(fio, job, file, fileBytes, isDirect), '--end_fsync=1']);
}

/** Runs a job on a file that is laid out. @returns bytes per second */
export async function measureJob(
  fio: Fio,
  job: FioJob,
  file: string,
  { fileBytes, isDirect, runtimeSeconds }: { fileBytes: number; isDirect: boolean; runtimeSeconds: number },
): Promise<number> {
  const timed = ['--time_based', `--runtime=${runtimeSeconds}`];
  return fioRun([...argsOf(fio, job, file, fileBytes, isDirect), ...timed]);
}

function argsOf(fio: Fio, job: FioJob, file: string, fileBytes: number, isDirect: boolean): string[] {
  return [
    ...['--name=job', `--filename=${file}`, `--size=${fileBytes}`, '--overwrite=1', '--output-format=json'],
    ...[`--rw=${job.rw}`, `--bs=${job.blockBytes}`, `--iodepth=${job.ioDepth}`, `--ioengine=${fio.engine}`],
    ...[`--direct=${isDirect ? 1 : 0}`, '--norandommap', '--randrepeat=1', '--refill_buffers', '--fallocate=none'],
  ];
}

async function fioRun(args: readonly string[]): Promise<number> {
  const { stdout } = await run('fio', [...args], { maxBuffer: 16 * 1024 ** 2 });
  return bytesPerSecond(stdout);
}

/** What fio's JSON says of its one job: reading or writing, whichever it did. */
export function bytesPerSecond(output: string): number {
  // fio writes notes of its own before the JSON.
  const report: unknown = JSON.parse(output.slice(output.indexOf('{')));
  const read = figure(report, 'read');
  return read > 0 ? read : figure(report, 'write');
}

function figure(report: unknown, way: string): number {
  let value = report;
  for (const key of ['jobs', '0', way, 'bw_bytes']) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  if (typeof value !== 'number') throw new Error(`fio's report has no jobs[0].${way}.bw_bytes`);
  return value;
}
