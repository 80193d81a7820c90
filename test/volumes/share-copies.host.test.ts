import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CONFIG_SCHEMAS } from '../../src/config/schema.ts';
import { StowageError } from '../../src/errors.ts';
import type { Files, TreeCopyProgress } from '../../src/host/files.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import type { CreateVolumeRequest } from '../../src/volumes/requests.ts';
import { openPlainShare, withPlainShare } from '../faults/share.ts';
import { codeOf, MIB, signal, unmountBeneath } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const SHARE = { server: 'server.test', share: '/' } as const;
const FILES = 20;
const STOP_AT = 5;

let share: TestPool;
let folder: string;
let host: Host;
let driver: Driver;
let sourceId: string;
let atFile: (() => Promise<void>) | undefined; // what happens when STOP_AT files are copied; the copy waits for its end
let ended: TreeCopyProgress[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-share-copies-'));
  share = await makePool('xfs', 400 * MIB);
  for (const name of ['.stowage', 'volumes', 'snapshots', 'archive'])
    await rm(join(share.path, name), { recursive: true, force: true });
  host = withPlainShare(createHost(join(folder, 'run')), share.path);
  atFile = undefined;
  ended = [];
  driver = await opened();
  sourceId = (await driver.service.createVolume(request('source'), signal())).id;
  for (let index = 0; index < FILES; index++) await writeFile(join(share.path, 'source', `${index}`), `${index}`);
});
afterEach(async () => {
  await driver.stop();
  await unmountBeneath(folder);
  await share.cleanup();
  await rm(folder, { recursive: true, force: true });
});

/** Copies some files, then does what `atFile` says, and fails as that does or at its signal. */
const copyTree: Files['copyTree'] = async (from, to, given, onProgress) => {
  const cut = new AbortController();
  const part = await host.files
    .copyTree(from, to, AbortSignal.any([given, cut.signal]), (progress) => {
      onProgress?.(progress);
      if (atFile !== undefined && progress.files >= STOP_AT) cut.abort();
    })
    .catch((error: unknown) => {
      if (!cut.signal.aborted) throw error;
    });
  if (part === undefined) {
    await atFile?.();
    given.throwIfAborted();
    throw new StowageError('unavailable', 'server.test:/ does not answer');
  }
  ended.push(part);
  return part;
};

async function opened(): Promise<Driver> {
  const opening = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: join(folder, 'state'), trashBytesPerSecond: 0 }),
    nodeId: 'node-1|127.0.0.1',
    host,
    log: createLog('silent'),
    openShareFiles: openPlainShare({ files: { ...host.files, copyTree } }),
  });
  await opening.recovered;
  return opening;
}

const request = (name: string, source?: CreateVolumeRequest['source']): CreateVolumeRequest => ({
  name,
  size: { requiredBytes: MIB, limitBytes: undefined },
  capabilities: [{ access: { type: 'mount', fsType: undefined, mountFlags: [] }, mode: 'MULTI_NODE_MULTI_WRITER' }],
  parameters: { share: { source: SHARE, options: [], subDir: name, mode: undefined, uid: undefined, gid: undefined } },
  mutableParameters: {},
  source,
  requisite: [],
});
const snapshot = () => driver.service.createSnapshot({ name: 'snap', sourceVolumeId: sourceId }, signal());
const clone = () => driver.service.createVolume(request('clone', { kind: 'volume', id: sourceId }), signal());
const temporary = () => readdir(join(share.path, '.stowage/tmp'));

describe('snapshots and clones on a share', () => {
  it('go on by themselves after a start, where the driver that began them had come to', async () => {
    let isHeld = () => {};
    const held = new Promise<void>((resolve) => {
      isHeld = resolve;
    });
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    atFile = () => {
      isHeld();
      return gate;
    };
    const cloning = codeOf(clone());
    await held;
    const stopping = driver.stop();
    letGo();
    await stopping;
    expect(await cloning).not.toBe('ok');
    expect(await temporary()).toHaveLength(1);
    atFile = undefined;
    driver = await opened();
    await clone();
    expect(await readdir(join(share.path, 'clone'))).toHaveLength(FILES);
    expect(ended).toMatchObject([{ files: FILES }]);
    expect(ended[0]?.filesKept).toBeGreaterThanOrEqual(STOP_AT);
    expect(await temporary()).toEqual([]);
  });

  it('go on with the next call after the server was silent', async () => {
    atFile = () => Promise.resolve();
    expect([await codeOf(snapshot()), await codeOf(clone())]).toEqual(['unavailable', 'unavailable']);
    expect(await temporary()).toHaveLength(2);
    atFile = undefined;
    expect(await snapshot()).toMatchObject({ ready: true });
    await clone();
    expect(ended.map(({ filesKept }) => filesKept >= STOP_AT)).toEqual([true, true]);
  });

  it('leave nothing when they are given up meanwhile', async () => {
    atFile = () => Promise.resolve();
    await codeOf(clone());
    const [name = ''] = await temporary();
    expect(name).toContain('clone');
    const records = await readdir(join(share.path, '.stowage/volumes'));
    const id = records.map((file) => file.replace('.json', '')).find((one) => one !== sourceId) ?? '';
    await driver.service.deleteVolume({ volumeId: id }, signal());
    await driver.idle();
    expect(await temporary()).toEqual([]);
    expect(await readdir(join(share.path, '.stowage/volumes'))).toHaveLength(1);
    expect(await readdir(join(share.path, '.stowage/trash'))).toEqual([]);
  });
});
