import { parseArgs } from 'node:util';
import { messageOf } from '../../errors.ts';
import { createHost } from '../../host/system.ts';
import { runDemo } from './demo.ts';
import { createScreen, wantsColours } from './screen.ts';

const HELP = `stowage demo [--keep]

Shows the life of a volume: makes a pool on a file of its own, starts the driver, and as its client creates, attaches,
mounts, fills, snapshots, damages, restores, clones, expands and deletes volumes. Leaves nothing behind. Needs root.

  --keep   stop after the first published volume and leave the driver running until Ctrl-C
  --help   this text
`;

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const; // SIGHUP: the terminal was closed

/**
 * `stowage demo`: shows the demonstration on stdout.
 * @param args the arguments after `demo`
 * @returns the exit code: 0, 1 where something failed or is missing, 2 for wrong arguments, 130 at Ctrl-C
 */
export async function demoCommand(args: readonly string[]): Promise<number> {
  let options: { keep?: boolean | undefined; help?: boolean | undefined };
  try {
    options = parseArgs({ args: [...args], options: { keep: { type: 'boolean' }, help: { type: 'boolean' } } }).values;
  } catch (error) {
    process.stderr.write(`stowage demo: ${messageOf(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupt = new AbortController();
  const abort = () => interrupt.abort(new Error('interrupted'));
  for (const name of ENDING_SIGNALS) process.on(name, abort);
  // EPIPE where the reader of a pipe has gone: without this the process would end at once and leave all behind.
  process.stdout.on('error', abort);
  try {
    const terminal = process.stdout.isTTY === true;
    const screen = createScreen({
      write: (text) => process.stdout.write(text),
      terminal,
      colours: wantsColours(terminal, process.env),
    });
    const script = process.argv[1];
    const command: [string, ...string[]] = script === undefined ? [process.execPath] : [process.execPath, script];
    return await runDemo({
      keep: options.keep === true,
      host: createHost(),
      screen,
      signal: interrupt.signal,
      command,
    });
  } finally {
    for (const name of ENDING_SIGNALS) process.off(name, abort);
  }
}
