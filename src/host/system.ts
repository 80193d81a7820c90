import { createCommands } from './command.ts';
import { createFiles } from './files.ts';
import { createFreezer } from './freeze.ts';
import type { Host } from './host.ts';
import { createLoops } from './loop.ts';
import { createMounts } from './mounts.ts';
import { createQuotas } from './quota.ts';

/** Creates the host that is this machine. Needs root (CAP_SYS_ADMIN); nothing is opened or started before the first call. */
export function createHost(): Host {
  const commands = createCommands();
  const mounts = createMounts(commands);
  return {
    commands,
    mounts,
    files: createFiles(commands, mounts),
    quotas: createQuotas(),
    loops: createLoops(mounts),
    freezer: createFreezer(commands),
  };
}
