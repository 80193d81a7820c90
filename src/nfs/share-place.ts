/** What the controller keeps for one path at which it mounts a share. */
export interface Place {
  readonly path: string;
  uses: number;
  idleSinceMs: number;
  clock: NodeJS.Timeout | undefined;
  /** The last mount or unmount, while it is under way: the next waits for it, whatever came of it. */
  last: Promise<unknown> | undefined;
  /** A mount under way, which later callers join. */
  mounting: Promise<void> | undefined;
}

export function newPlace(path: string): Place {
  return { path, uses: 0, idleSinceMs: Date.now(), clock: undefined, last: undefined, mounting: undefined };
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
  return first.idleSinceMs - second.idleSinceMs;
}
