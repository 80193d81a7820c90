import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** In the lab's guest the one folder that can be written. */
const BUNDLES = join(ROOT, '.cache', process.env.STOWAGE_LAB ? 'lab' : 'faults');
const GONE_TIMEOUT_MS = 30_000;
const POLL_MS = 5;

/** The name of the variable by which the children of a process are found after its death: they inherit it. */
export const MARK = 'STOWAGE_FAULTS_MARK';

/** Bundles a program of this repository, as it is now. @returns the bundle's path */
export async function bundle(entry: string, name: string): Promise<string> {
  const outfile = join(BUNDLES, name);
  const written = `${outfile}.${process.pid}`; // another test may be starting it
  await mkdir(dirname(outfile), { recursive: true });
  const options = ['--bundle', '--platform=node', '--format=cjs', '--external:koffi', '--log-level=error'];
  const version = '--define:STOWAGE_VERSION="0.0.0-faults"';
  await run(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, entry), ...options, version, `--outfile=${written}`]);
  await rename(written, outfile);
  return outfile;
}

/** Waits until no process is left that carries this mark: children of a killed process may still hold files and devices. */
export async function untilGone(mark: string): Promise<void> {
  const deadlineMs = Date.now() + GONE_TIMEOUT_MS;
  for (;;) {
    const left = await carriersOf(mark);
    if (left.length === 0) return;
    if (Date.now() > deadlineMs) throw new Error(`processes ${left.join()} of a killed driver do not end`);
    await sleep(POLL_MS);
  }
}

async function carriersOf(mark: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One that has just ended has no environment any more.
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).includes(`${MARK}=${mark}`),
    ),
  );
  return pids.filter((_pid, index) => found[index]);
}
