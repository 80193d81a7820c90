import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Driver } from '../../src/volumes/driver.ts';
import type { Capability, CreateVolumeRequest } from '../../src/volumes/requests.ts';
import { codeOf, signal } from '../support/driver.ts';
import { mountsInTheWay } from '../support/kubelet-refs.ts';
import { type LabServer, labServers } from './support-nfs.ts';
import { startShareDriver } from './support-share-driver.ts';

const run = promisify(execFile);
const GIB = 1024 ** 3;

let servers: { healthy: LabServer; mortal: LabServer };
let folder: string;
let driver: Driver | undefined;

beforeAll(async () => {
  servers = await labServers();
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-driver-'));
  for (const name of ['staging', 'targets']) await mkdir(join(folder, name));
});
afterEach(async () => {
  await servers.mortal.resume();
  await driver?.stop();
  driver = undefined;
});
afterAll(async () => {
  await run('umount', ['-a', '-l', '-t', 'nfs,nfs4']);
  await rm(folder, { recursive: true });
});

async function started(): Promise<Driver> {
  driver = await startShareDriver(folder);
  return driver;
}

const restarted = async () => {
  await driver?.stop();
  return started();
};

const capability: Capability = {
  access: { type: 'mount', fsType: undefined, mountFlags: [] },
  mode: 'MULTI_NODE_MULTI_WRITER',
};

function request(name: string, server: LabServer, change: Partial<CreateVolumeRequest> = {}): CreateVolumeRequest {
  const share = {
    source: { server: server.address, share: '/' },
    options: [],
    subDir: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  };
  return {
    name,
    size: { requiredBytes: GIB, limitBytes: undefined },
    capabilities: [capability],
    parameters: { share },
    mutableParameters: {},
    source: undefined,
    requisite: [],
    ...change,
  };
}

const stagingPath = (name: string) => join(folder, 'staging', name);
const targetPath = (name: string) => join(folder, 'targets', name);

async function published(name: string, server: LabServer): Promise<string> {
  const { service } = driver ?? (await started());
  const { id, context } = await service.createVolume(request(name, server), signal());
  const base = { volumeId: id, volumeContext: context, capability, stagingPath: stagingPath(name) };
  await service.stage(base, signal());
  await service.publish({ ...base, targetPath: targetPath(name), readOnly: false }, signal());
  return id;
}

async function unpublished(id: string, name: string): Promise<void> {
  const { service } = driver ?? (await started());
  await service.unpublish({ volumeId: id, targetPath: targetPath(name) }, signal());
  await service.unstage({ volumeId: id, stagingPath: stagingPath(name) }, signal());
}

describe('volumes on a share', () => {
  it('live through their whole life, and a restart in the midst of it', async () => {
    const id = await published('life', servers.healthy);
    await writeFile(join(targetPath('life'), 'file'), 'written');
    expect(await readFile(join(servers.healthy.folder, 'life', 'file'), 'utf8')).toBe('written');
    const { service } = await restarted();
    expect(await service.createVolume(request('life', servers.healthy), signal())).toMatchObject({ id });
    let snapshot = await service.createSnapshot({ name: 'life-snap', sourceVolumeId: id }, signal());
    while (!snapshot.ready)
      snapshot = await service.createSnapshot({ name: 'life-snap', sourceVolumeId: id }, signal());
    await writeFile(join(targetPath('life'), 'file'), 'later');
    const copy = await service.createVolume(
      request('life-copy', servers.healthy, { source: { kind: 'snapshot', id: snapshot.id } }),
      signal(),
    );
    expect(await readFile(join(servers.healthy.folder, 'life-copy', 'file'), 'utf8')).toBe('written');
    const stats = await service.stats(
      { volumeId: id, volumePath: targetPath('life'), stagingPath: undefined },
      signal(),
    );
    expect(stats).toMatchObject({ condition: { abnormal: false } });
    await unpublished(id, 'life');
    for (const volumeId of [id, copy.id]) await service.deleteVolume({ volumeId }, signal());
    await service.deleteSnapshot({ snapshotId: snapshot.id }, signal());
    await driver?.idle();
    expect((await readdir(servers.healthy.folder)).filter((name) => name.startsWith('life'))).toEqual([]);
    for (const place of ['volumes', 'snapshots', 'trash', 'tmp', 'copies', 'claims'])
      expect(await readdir(join(servers.healthy.folder, '.stowage', place))).toEqual([]);
  });

  it('do not keep each other from being unstaged, although the kernel has them as one device', async () => {
    const first = await published('first', servers.healthy);
    const second = await published('second', servers.healthy);
    for (const name of ['first', 'second']) expect(await mountsInTheWay(stagingPath(name))).toEqual([]);
    await unpublished(first, 'first');
    await unpublished(second, 'second');
    for (const name of ['first', 'second']) expect(await readdir(stagingPath(name))).toEqual([]);
    for (const volumeId of [first, second]) await driver?.service.deleteVolume({ volumeId }, signal());
    await driver?.idle();
  });

  it('are made without a mount of their own, however many', async () => {
    const { service } = await started();
    const ids: string[] = [];
    for (let index = 0; index < 20; index++)
      ids.push((await service.createVolume(request(`many-${index}`, servers.healthy), signal())).id);
    expect(await readdir(join(folder, 'state', 'mounts'))).toHaveLength(1);
    for (const volumeId of ids) await service.deleteVolume({ volumeId }, signal());
    await driver?.idle();
  });

  it('are not given up where the table of shares is lost', async () => {
    const { service } = await started();
    const { id } = await service.createVolume(request('lost', servers.healthy), signal());
    await driver?.stop();
    await rm(join(folder, 'state', 'shares'), { recursive: true });
    const later = await started();
    expect(await codeOf(later.service.deleteVolume({ volumeId: id }, signal()))).toBe('unavailable');
    // A volume of the same StorageClass names the share again.
    const { id: other } = await later.service.createVolume(request('other', servers.healthy), signal());
    for (const volumeId of [id, other]) await later.service.deleteVolume({ volumeId }, signal());
    await driver?.idle();
    expect((await readdir(servers.healthy.folder)).filter((name) => name === 'lost')).toEqual([]);
  });
});
