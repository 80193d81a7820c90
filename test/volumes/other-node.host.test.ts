import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openDriver } from '../../src/volumes/driver.ts';
import { MIB, makeDriver, mount, signal, type TestDriver } from '../support/driver.ts';

let at: TestDriver;
afterEach(() => at?.cleanup());

it('a disk that is put into another node brings its volumes along, and they can be used, copied and deleted there', async () => {
  at = await makeDriver({ pools: [{ name: 'disk', kind: 'xfs', config: { backend: 'image' } }] });
  const volume = await at.create('pvc-moved');
  await at.mounted(volume.id, ({ path }) => writeFile(join(path, 'file'), 'data'));
  await at.stop();
  const driver = await openDriver({
    config: { ...at.config, stateDir: join(at.folder, 'state-of-node-2') },
    nodeId: 'node-2',
    host: createHost(),
    log: createLog('silent'),
  });
  try {
    const { service } = driver;
    await driver.recovered;
    expect((await service.getVolume({ volumeId: volume.id }, signal())).condition.abnormal).toBe(false);
    const at2 = { volumeId: volume.id, stagingPath: at.stagingPath(volume.id) };
    await service.stage({ ...at2, capability: mount(), volumeContext: { pool: 'disk' } }, signal());
    expect(await readFile(join(stagedAt(at2.stagingPath), 'file'), 'utf8')).toBe('data');
    await service.unstage(at2, signal());
    const source = { kind: 'volume', id: volume.id } as const;
    const copy = await service.createVolume(
      {
        name: 'copy',
        size: { requiredBytes: 32 * MIB, limitBytes: undefined },
        capabilities: [mount()],
        parameters: {},
        mutableParameters: {},
        source,
        requisite: [],
      },
      signal(),
    );
    expect(copy.topology).toEqual([{ 'topology.local.csi.stowage.dev/node': 'node-2' }]);
    await service.deleteVolume({ volumeId: volume.id }, signal());
    expect(driver.catalog.volume(volume.id)?.state).not.toBe('ready');
    await driver.idle();
  } finally {
    await driver.stop();
  }
}, 30_000);
