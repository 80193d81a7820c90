import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openDriver } from '../../src/volumes/driver.ts';
import { codeOf, makeDriver, mount, refusal, signal, type TestDriver } from '../support/driver.ts';

const NOT_OURS = [
  'nfs-server/share##',
  'csi-0123456789abcdef',
  'a',
  '../../etc/passwd',
  'with\0nul',
  '/dev/sda',
  'é'.repeat(64),
];
const MALFORMED = [
  'stw1v-',
  'stw1v-../../../etc-x',
  'stw2v-0123456789-01234567-0123456789abcdef',
  'stw1x-0123456789-01234567-0123456789abcdef',
];

describe('ids that this node did not make', () => {
  let at: TestDriver;
  beforeAll(async () => {
    at = await makeDriver({
      pools: [{ name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } }],
    });
  });
  afterAll(() => at?.cleanup());

  const calls = (volumeId: string) => ({
    get: at.service.getVolume({ volumeId }, signal()),
    stage: at.stage(volumeId),
    publish: at.service.publish(
      {
        volumeId,
        stagingPath: join(at.folder, 'staging', 'x'),
        targetPath: at.target('x'),
        capability: mount(),
        readOnly: false,
        volumeContext: {},
      },
      signal(),
    ),
    snapshot: at.service.createSnapshot({ name: `of ${volumeId}`, sourceVolumeId: volumeId }, signal()),
    expand: at.service.expandVolume(
      { volumeId, size: { requiredBytes: 1, limitBytes: undefined }, capability: undefined },
      signal(),
    ),
    modify: at.service.modifyVolume({ volumeId, mutableParameters: {} }, signal()),
  });

  async function codes(volumeId: string): Promise<string[]> {
    const found = await Promise.all(Object.values(calls(volumeId)).map(async (call) => codeOf(call).catch(String)));
    return found.filter((code) => code !== 'busy'); // they are called at once
  }

  it.each(NOT_OURS)('%j is not found, and deleted without touching anything', async (id) => {
    const before = await readdir(at.poolPath(), { recursive: true });
    for (const code of await codes(id)) expect(code).toBe('not-found');
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('ok');
    expect(await codeOf(at.service.deleteSnapshot({ snapshotId: id }, signal()))).toBe('ok');
    expect(await codeOf(at.service.detach({ volumeId: id, nodeId: 'node-1' }, signal()))).toBe('ok');
    expect(await readdir(at.poolPath(), { recursive: true })).toEqual(before);
  });

  it.each(MALFORMED)('%j is refused as malformed', async (id) => {
    for (const code of await codes(id)) expect(code).toBe('invalid');
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('invalid');
  });

  it('of another node are refused: never answered as deleted, and a copy is to be made there', async () => {
    const other = await makeDriver({
      nodeId: 'node-2',
      pools: [{ name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } }],
    });
    try {
      const { id } = await other.create('theirs');
      expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).not.toBe('ok');
      expect(await codeOf(at.service.getVolume({ volumeId: id }, signal()))).toBe('not-found');
      expect(await codeOf(at.stage(id))).toBe('not-found');
      expect(await codeOf(at.service.detach({ volumeId: id, nodeId: 'node-2' }, signal()))).toBe('ok');
      expect(await codeOf(at.create('clone', { source: { kind: 'volume', id } }))).toBe('exhausted');
    } finally {
      await other.cleanup();
    }
  });

  it('are refused for the wrong kind', async () => {
    const { id } = await at.create('volume');
    expect(await codeOf(at.service.getSnapshot({ snapshotId: id }, signal()))).toBe('not-found');
    expect(await codeOf(at.service.deleteSnapshot({ snapshotId: id }, signal()))).toBe('ok');
    expect(await codeOf(at.service.getVolume({ volumeId: id }, signal()))).toBe('ok');
    await at.service.deleteVolume({ volumeId: id }, signal());
  });
});

describe('a second process on the same state folder', () => {
  it('is refused while the first runs, and may start when it has stopped', async () => {
    const at = await makeDriver({
      pools: [{ name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } }],
    });
    try {
      const open = () =>
        openDriver({ config: at.config, nodeId: 'node-1', host: createHost(), log: createLog('silent') });
      const refused = await refusal(open());
      expect(refused.code).toBe('precondition');
      expect(refused.message).toContain(at.config.stateDir);
      expect((await stat(at.config.stateDir)).isDirectory()).toBe(true);
      await at.stop();
      const second = await open();
      await second.stop();
    } finally {
      await at.cleanup();
    }
  });
});
