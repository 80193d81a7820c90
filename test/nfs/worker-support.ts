import type { Files } from '../../src/host/files.ts';
import type { ForkedProgram, ForkOptions } from '../../src/host/fork.ts';
import type { Clock } from '../../src/nfs/worker/clock.ts';
import { serveFiles } from '../../src/nfs/worker/serve.ts';

/** A clock that goes when it is told to. */
export interface ManualClock extends Clock {
  /** Lets time pass, and what is due happen. */
  pass(ms: number): void;
  /** For how long each of those waits that are set, in ms. */
  set(): number[];
}

export function createManualClock(): ManualClock {
  let nowMs = 0;
  const alarms = new Set<{ readonly atMs: number; readonly act: () => void }>();
  return {
    nowMs: () => nowMs,
    after(delayMs, act) {
      const alarm = { atMs: nowMs + delayMs, act };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    pass(ms) {
      nowMs += ms;
      for (const alarm of [...alarms].sort((a, b) => a.atMs - b.atMs)) {
        if (alarm.atMs <= nowMs && alarms.delete(alarm)) alarm.act();
      }
    },
    set: () => [...alarms].map(({ atMs }) => atMs - nowMs),
  };
}

/** Workers in this process, which answer in turns of the event loop, and can be told to fall silent or not to die. */
export interface FakeWorkers {
  readonly fork: (options: ForkOptions) => ForkedProgram;
  /** Those that were started and have not ended. */
  living(): number;
  started(): number;
  /** Makes those who live fall silent: what they are asked stays unanswered. */
  silence(): void;
  /** From now on SIGKILL does not end them; `letDie` ends those that were killed. */
  refuseToDie(): void;
  letDie(): void;
  /** Ends all that live, as a crash does. */
  crash(): void;
}

/** @param alone does what is asked for alone; see serveFiles */
export function createFakeWorkers(files: Files, alone = files): FakeWorkers {
  const processes = new Set<{ silent: boolean; isKilled: boolean; end: (how: string) => void }>();
  let started = 0;
  let areMortal = true;
  return {
    fork({ onMessage }) {
      started += 1;
      let onEnd = (_how: string) => {};
      const ended = new Promise<string>((resolve) => {
        onEnd = resolve;
      });
      const self = {
        silent: false,
        isKilled: false,
        end(how: string) {
          self.silent = true;
          processes.delete(self);
          onEnd(how);
        },
      };
      processes.add(self);
      const answer = (message: object) => {
        setImmediate(() => self.silent || onMessage(structuredClone(message)));
      };
      const hear = serveFiles(files, answer, alone);
      setImmediate(() => self.silent || onMessage({ type: 'ready' }));
      return {
        pid: started,
        ended,
        send: (message) => {
          const sent: unknown = structuredClone(message);
          if (!self.silent) setImmediate(() => self.silent || hear(sent));
        },
        kill() {
          self.silent = true;
          self.isKilled = true;
          if (areMortal) self.end('ended by SIGKILL');
        },
      };
    },
    living: () => processes.size,
    started: () => started,
    silence() {
      for (const process of processes) process.silent = true;
    },
    refuseToDie() {
      areMortal = false;
    },
    letDie() {
      areMortal = true;
      for (const process of [...processes]) if (process.isKilled) process.end('ended by SIGKILL');
    },
    crash() {
      for (const process of [...processes]) process.end('exit code 1');
    },
  };
}
