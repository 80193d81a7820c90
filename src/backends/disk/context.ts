import type { Host } from '../../host/host.ts';
import type { BoundedStatfs } from '../bounded-statfs.ts';
import type { BackendLog } from '../log.ts';
import type { Places } from '../places.ts';
import type { DiskSettings } from './settings.ts';

/** What the functions of the disk backend work with. */
export interface DiskPool {
  readonly settings: DiskSettings;
  readonly host: Host;
  readonly log: BackendLog;
  readonly places: Places;
  readonly statfs: BoundedStatfs;
  /** What was found out lately, by device number. */
  readonly verdicts: Answers<string | undefined>;
  /** Whether a volume's disk could be read lately, by path. */
  readonly reads: Answers<string | undefined>;
  /** The UUIDs of our markers, by mount. */
  readonly markers: Map<string, string>;
  /** Why disks are not used, by name, as far as it was logged. */
  readonly reported: Map<string, string>;
}

/** Answers that children give: kept for a while, and asked for one at a time for each key. */
export interface Answers<T> {
  get(key: string, ask: () => Promise<T>): Promise<T>;
  /** Asks anew, after one that is under way. */
  fresh(key: string, ask: () => Promise<T>): Promise<T>;
  forget(): void;
}

export function createAnswers<T>(ttlMs: number): Answers<T> {
  const known = new Map<string, { readonly answer: Promise<T>; readonly untilMs: number }>();

  async function fresh(key: string, ask: () => Promise<T>): Promise<T> {
    const before = known.get(key)?.answer;
    const answer = (before === undefined ? Promise.resolve() : Promise.allSettled([before])).then(ask);
    known.set(key, { answer, untilMs: Date.now() + ttlMs });
    return answer.catch((error: unknown) => {
      if (known.get(key)?.answer === answer) known.delete(key);
      throw error;
    });
  }

  return {
    get(key, ask) {
      const last = known.get(key);
      return last !== undefined && Date.now() < last.untilMs ? last.answer : fresh(key, ask);
    },
    fresh,
    // What is under way stays, so that none is asked for beside it.
    forget() {
      for (const [key, { answer }] of known) known.set(key, { answer, untilMs: 0 });
    },
  };
}
