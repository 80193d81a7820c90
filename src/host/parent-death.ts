import type { Commands } from './command.ts';
import { bindCall } from './libc.ts';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** The kernel kills this process when the one that started it dies, also while it waits in a system call: prctl(2). */
export function dieWithParent(): void {
  const prctl = bindCall('int prctl(int option, unsigned long signal)');
  prctl(undefined, PR_SET_PDEATHSIG, SIGKILL);
}

/** Commands whose processes die with this one, by setpriv(1): what a killed worker began must not go on unseen. Those that they start in turn do not. */
export function dyingWithUs(commands: Commands): Commands {
  return {
    run: (program, args, options) => commands.run('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], options),
  };
}
