import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

/** An API server of two pages for each list, with what the test puts into it. */
let server: Server;
let lists: Record<string, object[]>;
let folder: string;

beforeEach(async () => {
  lists = {};
  folder = await mkdtemp(join(tmpdir(), 'stowage-guard-'));
  await writeFile(join(folder, 'token'), 'secret\n');
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const items = lists[pathname];
    if (request.headers.authorization !== 'Bearer secret') return response.writeHead(403).end('who are you?');
    if (items === undefined) return response.writeHead(404).end();
    const isFirst = searchParams.get('continue') === '';
    const page = isFirst ? items.slice(0, 1) : items.slice(1);
    return response.end(
      JSON.stringify({ items: page, metadata: isFirst && items.length > 1 ? { continue: 'more' } : {} }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const PVS = '/api/v1/persistentvolumes';
const PODS = '/api/v1/pods';
const SNAPSHOTS = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents';
const foreign = { metadata: { name: 'other' }, spec: { csi: { driver: 'other.example.org' } } };
const nfsVolume = { metadata: { name: 'in-tree' }, spec: { nfs: { server: 'a', path: '/b' } } };

async function guard(token = 'token'): Promise<{ status: number; text: string }> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const { port }: AddressInfo = address;
  const env = {
    PATH: process.env.PATH,
    API_SERVER: `http://127.0.0.1:${port}`,
    TOKEN_FILE: join(folder, token),
    DRIVERS: 'local.csi.stowage.dev,nfs.csi.stowage.dev',
  };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['charts/stowage/files/uninstall-guard.mjs'], {
      env,
    });
    return { status: 0, text: stdout };
  } catch (error) {
    if (typeof error !== 'object' || error === null || !('code' in error) || !('stderr' in error)) throw error;
    return { status: Number(error.code), text: String(error.stderr) };
  }
}

it('lets the chart go where nothing needs it, also without the CRDs of snapshots', async () => {
  lists = { [PVS]: [foreign, nfsVolume], [PODS]: [{ metadata: { name: 'a', namespace: 'b' }, spec: {} }] };
  expect(await guard()).toEqual({ status: 0, text: 'No volume, snapshot or pod needs the drivers.\n' });
});

it.each<[string, string, object]>([
  [
    '1 PersistentVolumes: pvc-1',
    PVS,
    { metadata: { name: 'pvc-1' }, spec: { csi: { driver: 'nfs.csi.stowage.dev' } } },
  ],
  [
    '1 VolumeSnapshotContents: snap-1',
    SNAPSHOTS,
    { metadata: { name: 'snap-1' }, spec: { driver: 'local.csi.stowage.dev' } },
  ],
  [
    '1 pods with inline volumes: b/a',
    PODS,
    {
      metadata: { name: 'a', namespace: 'b' },
      spec: {
        volumes: [
          { name: 'x', emptyDir: {} },
          { name: 'y', csi: { driver: 'local.csi.stowage.dev' } },
        ],
      },
    },
  ],
])('refuses while there are %s, on the second page too', async (message, path, object) => {
  lists = { [PVS]: [], [PODS]: [], [SNAPSHOTS]: [], [path]: [{ metadata: { name: 'x' }, spec: {} }, object] };
  const { status, text } = await guard();
  expect(status).toBe(1);
  expect(text).toContain(message);
  expect(text).toContain('--no-hooks');
});

it('refuses where it cannot see', async () => {
  await writeFile(join(folder, 'wrong'), 'guess');
  lists = { [PVS]: [], [PODS]: [] };
  const { status, text } = await guard('wrong');
  expect(status).toBe(1);
  expect(text).toContain('403');
});
