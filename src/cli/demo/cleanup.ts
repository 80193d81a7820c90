import { messageOf } from '../../errors.ts';

/** What must be undone, last made first. */
export interface Cleanup {
  /** Remembers how to undo something. `what` names it for the message where that fails. */
  readonly add: (what: string, undo: () => Promise<void>) => void;
  /** Undoes everything once, in reverse order, each also where another failed; gives what could not be undone, in words. */
  readonly run: () => Promise<string[]>;
}

/** An empty stack of things to undo. */
export function createCleanup(): Cleanup {
  const stack: { readonly what: string; readonly undo: () => Promise<void> }[] = [];
  return {
    add: (what, undo) => {
      stack.push({ what, undo });
    },
    async run() {
      const failures: string[] = [];
      for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
        try {
          await entry.undo();
        } catch (error) {
          failures.push(`${entry.what}: ${messageOf(error)}`);
        }
      }
      return failures;
    },
  };
}
