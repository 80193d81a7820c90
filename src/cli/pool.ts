import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { StowageError } from '../errors.ts';
import { createHost } from '../host/system.ts';
import { forgetPool } from '../pools/identity.ts';

export const POOL_USAGE = `stowage pool forget NAME --config FILE
  makes this node forget a pool's UUID, so that another disk may take its place, or that a pool which the config does
  not name any more is not waited for. The pool's data is not touched. Restart the driver afterwards`;

/** `stowage pool forget NAME`. */
export async function pool(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string' } },
  });
  const [action, name] = positionals;
  if (action !== 'forget' || name === undefined || values.config === undefined)
    throw new StowageError('invalid', POOL_USAGE);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new StowageError('invalid', `${JSON.stringify(name)} is no pool name`);
  const { stateDir } = await loadConfig(values.config);
  const wasKnown = await forgetPool(createHost().files, stateDir, name);
  process.stdout.write(
    wasKnown ? `pool ${name} is forgotten; restart the driver\n` : `this node remembers no pool ${name}\n`,
  );
}
