import { messageOf, StowageError } from '../../errors.ts';
import type { Commands } from '../../host/command.ts';
import { endIfAborted, raceSignal } from '../signals.ts';
import { type Report, readReport } from './report.ts';

/** How long a look at the group holds. Our own changes end it at once. */
export const REPORT_TTL_MS = 2_000;

/** After this, a command of LVM is killed: its disk must be dead. */
const COMMAND_TIMEOUT_MS = 120_000;

/** All of LVM that the backend uses, for one volume group. */
export interface VolumeGroup {
  /** The group now, or up to 2 s ago: one lvs(8) for all who ask meanwhile, however many volumes there are. */
  report(): Promise<Report>;
  /** The group after all changes that are under way, also those whose callers have gone. */
  settledReport(signal: AbortSignal): Promise<Report>;
  /** What was seen last, however old; undefined before the first look. */
  lastSeen(): Report | undefined;
  /**
   * Runs a command that changes the group, one after another (LVM's own lock allows no more). It rejects at the signal, but the
   * command goes on to its end: one killed between suspending a device and resuming it would hang its writers for good.
   * 'exhausted' where LVM finds no room. `what` says what is done: "making volume v1".
   */
  change(program: string, args: readonly string[], what: string, signal: AbortSignal): Promise<void>;
}

export function createVolumeGroup(name: string, commands: Commands): VolumeGroup {
  let changes = 0; // begun and ended
  let last: { readonly report: Report; readonly atMs: number } | undefined;
  let seen: Report | undefined;
  let reading: { readonly after: number; readonly report: Promise<Report> } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  function forget(): void {
    changes++;
    last = undefined;
  }

  async function read(after: number): Promise<Report> {
    const atMs = Date.now();
    const report = await readReport(commands, name, AbortSignal.timeout(COMMAND_TIMEOUT_MS));
    seen = report;
    // What was read while something changed is true for its caller, and for nobody later.
    if (after === changes) last = { report, atMs };
    return report;
  }

  function startReading(): Promise<Report> {
    const mine = { after: changes, report: read(changes) };
    reading = mine;
    const done = () => {
      if (reading === mine) reading = undefined;
    };
    mine.report.then(done, done);
    return mine.report;
  }

  async function report(): Promise<Report> {
    if (last !== undefined && Date.now() - last.atMs < REPORT_TTL_MS) return last.report;
    return reading?.after === changes ? reading.report : startReading();
  }

  return {
    report,
    settledReport(signal) {
      // A change makes what was seen before it old, so that nothing more than its end is to be waited for.
      return raceSignal(turn.then(report), signal, `looking at volume group ${name}`);
    },
    lastSeen: () => seen,
    async change(program, args, what, signal) {
      endIfAborted(signal, what);
      const work = turn.then(async () => {
        endIfAborted(signal, what);
        forget();
        try {
          await commands.run(program, ['--yes', '-qq', ...args], { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
        } catch (error) {
          throw explainNoRoom(error, name, what);
        } finally {
          forget();
        }
      });
      turn = work.catch(() => undefined); // its caller hears of it
      await raceSignal(work, signal, what);
    },
  };
}

function explainNoRoom(error: unknown, group: string, what: string): unknown {
  const words = messageOf(error);
  if (!/[Ii]nsufficient (?:suitable |free )|reached threshold|out of (?:data|metadata) space/.test(words)) return error;
  return new StowageError('exhausted', `${what}: volume group ${group} has no room for it: ${words}`, { cause: error });
}
