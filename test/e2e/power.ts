import { command } from './command.ts';

const POWER_MS = 2 * 60_000;

/** Cuts the power of a node, without any goodbye, and gives it back. */
export interface Power {
  cut(node: string): Promise<void>;
  restore(node: string): Promise<void>;
}

/** @param shellCommand gets `kill` or `start` and the node's name as its last arguments; for kind it is `docker` */
export function createPower(shellCommand: string | undefined): Power {
  const turn = async (verb: 'kill' | 'start', node: string) => {
    if (shellCommand === undefined) throw new Error('STOWAGE_E2E_POWER does not say how to cut the power of a node');
    await command('sh', ['-c', `${shellCommand} ${verb} "$0"`, node], { timeoutMs: POWER_MS });
  };
  return { cut: (node) => turn('kill', node), restore: (node) => turn('start', node) };
}
