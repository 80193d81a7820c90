import { join, resolve } from 'node:path';
import { CONFIG_SCHEMAS } from '../../src/config/schema.ts';
import { createHost } from '../../src/host/system.ts';
import type { OpenShareFiles } from '../../src/nfs/share-hosts.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';

/** A driver of shares in the test's own process, recovered; its state lies in `folder`. */
export async function startShareDriver(folder: string, openShareFiles?: OpenShareFiles): Promise<Driver> {
  const driver = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: join(folder, 'state'), trashBytesPerSecond: 0 }),
    nodeId: 'node-1|127.0.0.1',
    host: createHost(join(folder, 'run')),
    log: createLog('silent'),
    program: resolve('dist/share-worker.cjs'),
    ...(openShareFiles === undefined ? {} : { openShareFiles }),
  });
  await driver.recovered;
  return driver;
}
