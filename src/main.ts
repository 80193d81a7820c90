import { ADOPT_USAGE, adopt } from './cli/adopt/command.ts';
import { CHECK_USAGE, check } from './cli/check/command.ts';
import { demoCommand } from './cli/demo/command.ts';
import { GC_USAGE, gc } from './cli/gc/command.ts';
import { LS_USAGE, ls } from './cli/ls.ts';
import { MOVE_USAGE, move } from './cli/move.ts';
import { POOL_USAGE, pool } from './cli/pool.ts';
import { SERVE_USAGE, serve } from './cli/serve.ts';
import { isStowageError, messageOf } from './errors.ts';
import { version } from './version.ts';

const USAGE = `stowage ${version}: a CSI driver for local volumes

${[SERVE_USAGE, 'stowage demo [--keep]\n  walks one volume through its whole life, for all to see', CHECK_USAGE, LS_USAGE, GC_USAGE, MOVE_USAGE, ADOPT_USAGE, POOL_USAGE, 'stowage --version'].join('\n\n')}
`;

/** Exit status of a command that ran, and found something wrong. */
const FOUND_SOMETHING = 2;

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command !== 'demo' && args.some((arg) => arg === '--help' || arg === '-h')) return main(['help']);
  switch (command) {
    case 'serve':
      await serve(args);
      return 0;
    case 'demo':
      return demoCommand(args);
    case 'check':
      return (await check(args)) ? 0 : FOUND_SOMETHING;
    case 'ls':
      await ls(args);
      return 0;
    case 'gc':
      return (await gc(args)) ? 0 : FOUND_SOMETHING;
    case 'move':
      await move(args);
      return 0;
    case 'adopt':
      return (await adopt(args)) ? 0 : FOUND_SOMETHING;
    case 'pool':
      await pool(args);
      return 0;
    case '--version':
      process.stdout.write(`${version}\n`);
      return 0;
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(`stowage: there is no command ${JSON.stringify(command)}\n\n${USAGE}`);
      return 1;
  }
}

/** True for what node:util's parseArgs says of unknown or malformed options. */
function isArgumentError(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => {
    if (isArgumentError(error)) {
      process.stderr.write(`stowage: ${messageOf(error)}\n\n${USAGE}`);
      process.exit(1);
    }
    // What we say ourselves is for people; anything else is a fault of ours, and its stack is needed.
    const isForPeople = isStowageError(error) && error.code !== 'internal';
    process.stderr.write(`stowage: ${isForPeople || !(error instanceof Error) ? messageOf(error) : error.stack}\n`);
    process.exit(1);
  },
);
