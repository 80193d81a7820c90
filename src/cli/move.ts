import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { StowageError } from '../errors.ts';
import { createHost } from '../host/system.ts';
import { createLog } from '../telemetry/log.ts';
import { openDriver } from '../volumes/driver.ts';
import type { Moved, MoveRequest } from '../volumes/move/move.ts';
import type { MoveEvent, Report, Way } from '../volumes/move/progress.ts';
import { moveByDriver } from './admin-client.ts';
import { readNodeId } from './node-id.ts';

export const MOVE_USAGE = `stowage move VOLUME --to POOL --config FILE [--node-id NAME]
  moves a volume that is not in use to another pool of this node, beside a running driver or without one. VOLUME is its
  id or its name. Ctrl-C takes it back`;

/** `stowage move`: by the driver that runs, else as one that runs for so long. */
export async function move(args: readonly string[]): Promise<void> {
  const { config: file, nodeId, ...asked } = readOptions(args);
  const config = await loadConfig(file);
  const startMs = performance.now();
  const signal = interruption();
  const moved =
    (await moveByDriver(config.stateDir, asked, say, signal)) ??
    (await moveAlone(config, readNodeId(nodeId, MOVE_USAGE), asked, say, signal));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    moved.wasThere
      ? `volume ${moved.id} is in pool ${moved.pool} already\n`
      : `volume ${moved.id} is in pool ${moved.pool}, after ${seconds} s\n`,
  );
}

/** Opens the pools as a driver does, with all that this finishes or undoes, and waits until the old data is gone. */
async function moveAlone(
  config: Config,
  nodeId: string,
  asked: MoveRequest,
  report: Report,
  signal: AbortSignal,
): Promise<Moved> {
  process.umask(0); // modes are exact, as in `stowage serve`
  const log = createLog(config.logLevel === 'silent' ? 'silent' : 'warn');
  const driver = await openDriver({ config, nodeId, host: createHost(join(config.stateDir, 'run')), log });
  try {
    const moved = await driver.move(asked, report, signal);
    await Promise.race([driver.idle(), aborted(signal)]);
    return moved;
  } finally {
    await driver.stop();
  }
}

/** Whoever has no time for the trash leaves it to the next start. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const WAYS: Readonly<Record<Way, string>> = {
  file: 'as an image, cloned where the file system can',
  device: 'byte by byte',
  tree: 'file by file',
};

function say(event: MoveEvent): void {
  const line = describe(event);
  if (line !== undefined) process.stdout.write(`${line}\n`);
}

function describe(event: MoveEvent): string | undefined {
  switch (event.type) {
    case 'began':
      return `moving volume ${event.id} (${event.name}, ${event.sizeBytes} bytes) from pool ${event.from} to pool ${event.to}`;
    case 'copying':
      return `copying it ${WAYS[event.way]}`;
    case 'progress': {
      const { bytes, ofBytes, seconds } = event;
      const of = ofBytes === undefined ? '' : ` of about ${ofBytes}`;
      return bytes === undefined ? `${seconds} s` : `${seconds} s: ${bytes}${of} bytes`;
    }
    case 'decided':
      return undefined;
  }
}

function interruption(): AbortSignal {
  const abort = new AbortController();
  const end = () => abort.abort(new StowageError('cancelled', 'interrupted: the volume is where it was'));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return abort.signal;
}

function readOptions(args: readonly string[]): MoveRequest & { config: string; nodeId: string | undefined } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { to: { type: 'string' }, config: { type: 'string' }, 'node-id': { type: 'string' } },
  });
  const [volume, ...more] = positionals;
  if (volume === undefined || more.length > 0) throw new StowageError('invalid', `name one VOLUME\n${MOVE_USAGE}`);
  const needed = (value: string | undefined, name: string) => {
    if (value === undefined || value === '') throw new StowageError('invalid', `${name} is missing\n${MOVE_USAGE}`);
    return value;
  };
  const pool = needed(values.to, '--to');
  return { volume, pool, config: needed(values.config, '--config'), nodeId: values['node-id'] };
}
