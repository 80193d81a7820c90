import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as z from 'zod/mini';
import { type AdminServer, serveAdmin } from '../../src/cli/admin.ts';
import { CONFIG_SCHEMAS } from '../../src/config/schema.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import type { Capability } from '../../src/volumes/requests.ts';
import { codeOf, signal } from '../support/driver.ts';
import { labServers } from './support-nfs.ts';

const run = promisify(execFile);
const SCRIPT = resolve('dist/stowage.cjs');
const SERVER = '127.0.0.1';
const RUN_TIMEOUT_MS = 100_000;

const printed = z.object({
  kind: z.literal('List'),
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        mountOptions: z.array(z.string()),
        csi: z.object({ volumeHandle: z.string(), volumeAttributes: z.record(z.string(), z.string()) }),
      }),
    }),
  ),
});

let root: string; // the folder of these shares, as the server has it
let folder: string;
let driver: Driver;
let admin: AdminServer;
const log = createLog('silent');
const inFolder = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  root = join((await labServers()).healthy.folder, 'adopt');
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-adopt-'));
  for (const name of ['of-csi/pvc-1', 'of-subdir/team-data-pvc-2', 'by-hand/team']) {
    await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, name, 'file'), name);
  }
  await writeFile(inFolder('config.yaml'), `driver: nfs\nstateDir: ${inFolder('state')}\ntrashBytesPerSecond: 0\n`);
});
afterAll(async () => {
  await admin?.stop();
  await driver?.stop();
  await run('umount', ['-a', '-l', '-t', 'nfs,nfs4']);
  for (const left of [folder, root]) await rm(left, { recursive: true });
});

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built program, with PersistentVolumes on its standard input. */
function stowageAdopt(input: unknown, ...more: readonly string[]): Promise<Ended> {
  return new Promise((settle, reject) => {
    const args = [SCRIPT, 'adopt', '--config', inFolder('config.yaml'), ...more];
    const child = spawn(process.execPath, args, { timeout: RUN_TIMEOUT_MS });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (exitCode) => settle({ exitCode, stdout, stderr }));
    child.stdin.end(JSON.stringify(input));
  });
}

const volume = (name: string, annotations: Readonly<Record<string, string>>, source: object) => ({
  kind: 'PersistentVolume',
  metadata: { name, annotations },
  spec: {
    capacity: { storage: '10Gi' },
    accessModes: ['ReadWriteMany'],
    persistentVolumeReclaimPolicy: 'Retain',
    mountOptions: ['nfsvers=4.1'],
    claimRef: { namespace: 'team', name: 'data', uid: '17' },
    ...source,
  },
});
const csi = (name: string) =>
  volume(
    name,
    {},
    {
      csi: {
        driver: 'nfs.csi.k8s.io',
        volumeHandle: `${SERVER}#adopt/of-csi#${name}##archive`,
        volumeAttributes: { server: SERVER, share: '/adopt/of-csi', subDir: name },
      },
    },
  );
const nfs = volume(
  'pvc-2',
  { 'pv.kubernetes.io/provisioned-by': 'k8s-sigs.io/nfs-subdir-external-provisioner' },
  { nfs: { server: SERVER, path: '/adopt/of-subdir/team-data-pvc-2' } },
);
const list = { kind: 'List', items: [csi('pvc-1'), csi('pvc-missing'), nfs, { kind: 'Pod' }] };

async function startDriver(): Promise<void> {
  driver = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: inFolder('state'), trashBytesPerSecond: 0 }),
    nodeId: 'node-1|127.0.0.1',
    host: createHost(inFolder('run')),
    log,
    program: resolve('dist/share-worker.cjs'),
  });
  await driver.recovered;
  admin = await serveAdmin({ stateDir: inFolder('state'), driver, log });
}

const withOptions = (mountFlags: readonly string[]): Capability => ({
  access: { type: 'mount', fsType: undefined, mountFlags },
  mode: 'MULTI_NODE_MULTI_WRITER',
});

/** Stages and publishes a volume, as a PersistentVolume says, and undoes both. */
async function used<T>(
  volumeId: string,
  volumeContext: Readonly<Record<string, string>>,
  options: readonly string[],
  work: (path: string) => Promise<T>,
): Promise<T> {
  const stagingPath = inFolder('staging');
  const targetPath = inFolder('target');
  const base = { volumeId, volumeContext, capability: withOptions(options), stagingPath };
  await driver.service.stage(base, signal());
  try {
    await driver.service.publish({ ...base, targetPath, readOnly: false }, signal());
    return await work(targetPath);
  } finally {
    await driver.service.unpublish({ volumeId, targetPath }, signal());
    await driver.service.unstage({ volumeId, stagingPath }, signal());
  }
}

describe('volumes of other provisioners', () => {
  it('are adopted with and without a driver that runs, are used as before, and go as they would have', async () => {
    const alone = await stowageAdopt(list);
    expect(alone.stderr).toMatch(
      /^stowage: PersistentVolume pvc-missing: subDir pvc-missing is missing on the share$/m,
    );
    expect(alone.stderr).toMatch(/^stowage: 2 adopted, 0 adopted before, 1 refused, 0 of other drivers$/m);
    expect(alone.exitCode).toBe(2);
    await startDriver();
    const beside = await stowageAdopt(list);
    expect(beside.stderr).toMatch(/^stowage: 0 adopted, 2 adopted before, 1 refused/m);
    expect(beside.stdout).toBe(alone.stdout);
    const { items } = printed.parse(JSON.parse(beside.stdout));
    const [first, second] = items.map(({ spec }) => ({ ...spec.csi, options: spec.mountOptions }));
    if (first === undefined || second === undefined) throw new Error(beside.stdout);
    for (const { volumeHandle, volumeAttributes, options } of [first, second]) {
      const text = await used(volumeHandle, volumeAttributes, options, async (path) => {
        await writeFile(join(path, 'more'), 'written');
        return readFile(join(path, 'file'), 'utf8');
      });
      expect(`/adopt/${text}`).toBe(`${volumeAttributes.share}/${volumeAttributes.subDir}`);
      await driver.service.deleteVolume({ volumeId: volumeHandle }, signal());
    }
    expect(await readdir(join(root, 'of-csi'))).toEqual(['.stowage', 'archived-pvc-1']);
    expect(await readdir(join(root, 'of-csi', 'archived-pvc-1'))).toEqual(['file', 'more']);
    expect(await readdir(join(root, 'of-subdir'))).toEqual(['.stowage', 'archived-team-data-pvc-2']);
    const again = await stowageAdopt({ ...list, items: [csi('archived-pvc-1')] }, '--dry-run', '--on-delete', 'retain');
    expect(again.stdout).toContain('archived-pvc-1: would be adopted: 127.0.0.1:/adopt/of-csi, subDir archived-pvc-1');
    expect([again.exitCode, await readdir(join(root, 'of-csi', '.stowage', 'claims'))]).toEqual([0, []]);
  });
});

describe('PersistentVolumes written for csi-driver-nfs', () => {
  const HANDLE = `nfs-server.default.svc.cluster.local/share##${'x'.repeat(200)}`;

  it.each([
    [{ server: SERVER, share: '/' }, 'adopt/by-hand/team/file'],
    [
      {
        SERVER,
        Share: '/adopt/by-hand',
        subDir: `\${pvc.metadata.namespace}`,
        'csi.storage.k8s.io/pvc/namespace': 'team',
      },
      'file',
    ],
    [{ server: SERVER, share: '/adopt/by-hand/team', mountPermissions: '0', mountOptions: 'nfsvers=4.1,hard' }, 'file'],
  ])('with %j are mounted, and deleting them does nothing', async (attributes, file) => {
    const found = await used(HANDLE, attributes, ['nfsvers=4.1'], async (path) => {
      const table = await readFile('/proc/self/mountinfo', 'utf8');
      expect(table.split('\n').find((line) => line.includes(` ${path} `))).toContain('vers=4.1');
      return readFile(join(path, file), 'utf8');
    });
    expect(found).toBe('by-hand/team');
    expect(await codeOf(driver.service.deleteVolume({ volumeId: HANDLE }, signal()))).toBe('ok');
    expect((await stat(join(root, 'by-hand', 'team'))).mode & 0o777).toBe(0o755);
  });

  it('may have another mode', async () => {
    const attributes = { server: SERVER, share: '/adopt/by-hand/team', mountPermissions: '02770' };
    await used(HANDLE, attributes, [], async (path) => readdir(path));
    expect((await stat(join(root, 'by-hand', 'team'))).mode & 0o7777).toBe(0o2770);
  });
});
