/**
 * Lets callers share runs of something: one that comes while a run is under way waits for the next, which all that came
 * meanwhile share, since the run under way may have begun before what the caller wants to see.
 */
export function createShared(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function start(): Promise<void> {
    next = undefined;
    const current = run().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  }

  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
}
