import { messageOf } from '../src/errors.ts';
import { type Commands, createCommands } from '../src/host/command.ts';
import { interrupt } from './interrupt.ts';

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
  readonly commands: Commands;
  readonly engine: 'libaio' | 'io_uring';
}

/** fio(1) of this machine. Throws where it is missing, saying what to install. */
export async function findFio(): Promise<Fio> {
  const commands = createCommands();
  try {
    const { stdout } = await commands.run('fio', ['--enghelp'], { signal: interrupt });
    const engine = (['libaio', 'io_uring'] as const).find((name) => stdout.includes(name));
    if (engine === undefined) throw new Error('it has neither libaio nor io_uring');
    return { commands, engine };
  } catch (error) {
    throw new Error(`the data path needs fio (Debian: apt-get install fio): ${messageOf(error)}`, { cause: error });
  }
}

/** How a file is read and written. */
export interface FileUse {
  readonly fileBytes: number;
  readonly isDirect: boolean;
  readonly runtimeSeconds: number; // of one job
}

/** Writes the whole file once, so that no job meets blocks that are not allocated yet. */
export async function layOut(fio: Fio, file: string, use: FileUse): Promise<void> {
  const job: FioJob = { title: 'lay out', rw: 'write', blockBytes: 1024 ** 2, ioDepth: 4 };
  await fioRun(fio, [...argsOf(fio, job, file, use), '--end_fsync=1']);
}

/** Runs a job on a file that is laid out. @returns bytes per second */
export async function measureJob(fio: Fio, job: FioJob, file: string, use: FileUse): Promise<number> {
  return fioRun(fio, [...argsOf(fio, job, file, use), '--time_based', `--runtime=${use.runtimeSeconds}`]);
}

/** --thread: a job that fio forks leaves fio's process group, and would outlive it. */
function argsOf(fio: Fio, job: FioJob, file: string, { fileBytes, isDirect }: FileUse): string[] {
  return [
    ...['--thread', '--name=job', `--filename=${file}`, `--size=${fileBytes}`, '--overwrite=1', '--output-format=json'],
    ...[`--rw=${job.rw}`, `--bs=${job.blockBytes}`, `--iodepth=${job.ioDepth}`, `--ioengine=${fio.engine}`],
    ...[`--direct=${isDirect ? 1 : 0}`, '--norandommap', '--randrepeat=1', '--refill_buffers', '--fallocate=none'],
  ];
}

async function fioRun({ commands }: Fio, args: readonly string[]): Promise<number> {
  const { stdout } = await commands.run('fio', args, { signal: interrupt });
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
