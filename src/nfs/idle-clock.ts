import type { Place } from './share-place.ts';

/** Says of places for how long nobody has used them. */
export interface IdleClock {
  /** From now on nobody uses the place. */
  start(place: Place): void;
  stop(place: Place): void;
}

/**
 * A clock that runs is left alone: it looks how long its place has been idle when it rings. A timer for each use would cost more than many a call.
 * @param onIdle is told once that nobody has used the place for so long
 */
export function createIdleClock(idleMs: number, onIdle: (place: Place) => void): IdleClock {
  function ring(place: Place, delayMs: number): void {
    place.clock = setTimeout(() => {
      place.clock = undefined;
      if (place.uses > 0) return; // its end starts the clock
      const leftMs = place.idleSinceMs + idleMs - Date.now();
      if (leftMs > 0) ring(place, leftMs);
      else onIdle(place);
    }, delayMs);
    place.clock.unref();
  }

  return {
    start(place) {
      place.idleSinceMs = Date.now();
      if (place.clock === undefined) ring(place, idleMs);
    },
    stop(place) {
      clearTimeout(place.clock);
      place.clock = undefined;
    },
  };
}
