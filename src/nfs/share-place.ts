import { createIdleClock, type IdleClock } from './idle-clock.ts';
import { backgroundClock } from './worker/clock.ts';

/** What the controller keeps for one path at which it mounts a share. */
export interface Place {
  readonly path: string;
  uses: number;
  readonly idle: IdleClock;
  /** The last mount or unmount, while it is under way: the next waits for it, whatever came of it. */
  last: Promise<unknown> | undefined;
  /** A mount under way, which later callers join. */
  mounting: Promise<void> | undefined;
}

/** @param onIdle is told once that nobody has used the place for so long */
export function newPlace(path: string, idleMs: number, onIdle: (place: Place) => void): Place {
  const idle = createIdleClock({
    clock: backgroundClock,
    idleMs,
    isUsed: () => place.uses > 0,
    onIdle: () => onIdle(place),
  });
  const place: Place = { path, uses: 0, idle, last: undefined, mounting: undefined };
  return place;
}

/** Runs work on a place after the work before it. */
export function inTurn(place: Place, work: () => Promise<void>): Promise<void> {
  const done = (place.last ?? Promise.resolve()).then(work);
  const ended = done
    .catch(() => undefined) // whoever asked hears of it
    .then(() => {
      if (place.last === ended) place.last = undefined;
    });
  place.last = ended;
  return done;
}

/** A place whose mount is under way may be waiting for room itself. */
export function isIdle({ uses, mounting }: Place): boolean {
  return uses === 0 && mounting === undefined;
}

export function byIdleSince(first: Place, second: Place): number {
  return first.idle.sinceMs() - second.idle.sinceMs();
}
