import { tmpdir } from 'node:os';
import { messageOf } from '../../errors.ts';
import { type Cleanup, createCleanup } from './cleanup.ts';
import { logTail } from './driver.ts';
import { formatBytes } from './format.ts';
import { keepRunning } from './keep.ts';
import type { DemoOptions } from './options.ts';
import { leftovers } from './place.ts';
import { missingRequirements, thisMachine } from './requirements.ts';
import { createRunner, type StepTime, timeTable } from './runner.ts';
import type { Screen } from './screen.ts';
import { type Running, setUp } from './setup.ts';
import { firstVolumeSteps, writeSteps } from './steps/first-volume.ts';
import { growthSteps } from './steps/growth.ts';
import { removalSteps } from './steps/removal.ts';
import { snapshotSteps } from './steps/snapshot.ts';

const NEEDED_BYTES = 2 * 1024 ** 3; // what the walk writes, several times over

/**
 * Walks one volume through its life with a real driver on a pool of its own, shows each step, and leaves nothing behind:
 * not at the end, not on failure and not at the signal.
 * @returns the exit code: 0, 1 where something failed or is missing, 130 at the signal
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { host, screen, signal } = options;
  const machine = thisMachine(tmpdir());
  const missing = await missingRequirements(machine, host.files, NEEDED_BYTES);
  if (missing.length > 0) {
    screen.warning('stowage demo needs');
    for (const text of missing) screen.line(`  - ${text}`);
    return 1;
  }
  screen.headline('Stowage: the life of a volume');
  screen.line(
    `A driver on a pool of its own in ${machine.temporaryFolder} (${formatBytes(NEEDED_BYTES)} free is enough).`,
  );
  const cleanup = createCleanup();
  const runner = createRunner(screen, signal);
  const running: Running = {};
  let exitCode = 0;
  try {
    const walk = await setUp(options, machine.temporaryFolder, runner, cleanup, running);
    for (const step of firstVolumeSteps) await runner.run(step.title, () => step.run(walk));
    if (options.keep) await keepRunning(walk, running);
    else
      for (const step of [...writeSteps, ...snapshotSteps, ...growthSteps, ...removalSteps])
        await runner.run(step.title, () => step.run(walk));
  } catch (error) {
    exitCode = signal.aborted ? 130 : 1;
    screen.warning(signal.aborted ? '\nInterrupted.' : `\nFailed: ${messageOf(error)}`);
    if (!signal.aborted && running.driver?.running() === true && running.place !== undefined)
      screen.line(`The end of the driver's log:\n${await logTail(running.place.logFile)}`);
  }
  const clean = await cleanUp(options, cleanup, running);
  if (exitCode === 0 && !options.keep) showSummary(screen, runner.times);
  return clean ? exitCode : 1;
}

/** Undoes everything and looks whether it is gone. */
async function cleanUp({ host, screen }: DemoOptions, cleanup: Cleanup, running: Running): Promise<boolean> {
  const folder = running.place?.folder;
  if (folder === undefined) return true;
  screen.line('\nCleaning up: the driver, mounts, loop devices, files.');
  for (const failure of await cleanup.run()) screen.warning(`could not undo ${failure}`);
  const left = await leftovers(host, folder, running.driver?.pid);
  if (left.length === 0) {
    screen.line(`Nothing left behind: no process, no mount, no loop device and no file of ${folder}.`);
    return true;
  }
  screen.warning('Left behind, to be removed by hand:');
  for (const text of left) screen.line(`  - ${text}`);
  return false;
}

function showSummary(screen: Screen, times: readonly StepTime[]): void {
  screen.line('');
  for (const text of timeTable(times)) screen.line(text);
}
