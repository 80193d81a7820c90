const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const controller = new AbortController();

/** Aborted by Ctrl-C: whatever measures looks at it between its steps, so that all that was made is removed. */
export const interrupt: AbortSignal = controller.signal;

/** Listens for Ctrl-C and its like. A second one ends this process at once. */
export function listenForInterrupt(): void {
  for (const name of SIGNALS) process.once(name, () => controller.abort(new Error(`interrupted by ${name}`)));
}
