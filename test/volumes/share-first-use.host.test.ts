import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { CONFIG_SCHEMAS } from '../../src/config/schema.ts';
import type { Files } from '../../src/host/files.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import { openPlainShare, withPlainShare } from '../faults/share.ts';
import { MIB, signal, unmountBeneath } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const VOLUMES = 8;

let share: TestPool;
let folder: string;
let driver: Driver;
let lists: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-share-first-use-'));
  share = await makePool('xfs', 400 * MIB);
  for (const name of ['.stowage', 'volumes', 'snapshots', 'archive'])
    await rm(join(share.path, name), { recursive: true, force: true });
  lists = 0;
  driver = await opened(withPlainShare(createHost(join(folder, 'run')), share.path));
});
afterEach(async () => {
  await driver.stop();
  await unmountBeneath(folder);
  await share.cleanup();
  await rm(folder, { recursive: true, force: true });
});

/** On a share that takes its time, now more, now less. */
async function opened(host: Host): Promise<Driver> {
  const list: Files['list'] = async (path) => {
    await sleep((lists++ % VOLUMES) * 10);
    return host.files.list(path);
  };
  const opening = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: join(folder, 'state'), trashBytesPerSecond: 0 }),
    nodeId: 'node-1|127.0.0.1',
    host,
    log: createLog('silent'),
    openShareFiles: openPlainShare({ files: { ...host.files, list } }),
  });
  await opening.recovered;
  return opening;
}

/** As the provisioner asks, which comes again after a while. */
async function created(name: string, options: readonly string[]): Promise<void> {
  const source = { server: 'server.test', share: '/' } as const;
  await driver.service.createVolume(
    {
      name,
      size: { requiredBytes: MIB, limitBytes: undefined },
      capabilities: [{ access: { type: 'mount', fsType: undefined, mountFlags: [] }, mode: 'MULTI_NODE_MULTI_WRITER' }],
      parameters: {
        share: { source, options: [...options], subDir: name, mode: undefined, uid: undefined, gid: undefined },
      },
      mutableParameters: {},
      source: undefined,
      requisite: [],
    },
    signal(),
  );
}

const names = Array.from({ length: VOLUMES }, (_, index) => `volume-${index}`);

it.each([
  ['the same options', () => []],
  ['other options for each', (index: number) => [`timeo=${100 + index}`]],
])('keeps all volumes that were asked for at once when the share was reached first, with %s', async (_, optionsOf) => {
  await Promise.all(names.map((name, index) => created(name, optionsOf(index))));
  expect((await readdir(share.path)).filter((name) => name.startsWith('volume-')).sort()).toEqual(names);
  expect(await readdir(join(share.path, '.stowage', 'claims'))).toHaveLength(VOLUMES);
});
