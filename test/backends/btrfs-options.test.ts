import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CsiClient, connectCsi } from '../../src/csi/client.ts';
import { createHandlers } from '../../src/csi/driver.ts';
import { type CsiServer, createCsiServer } from '../../src/csi/server.ts';
import { services } from '../../src/csi/services.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { MIB, makeDriver, mount, type TestDriver } from '../support/driver.ts';

const run = promisify(execFile);
const { controller } = services;

/** Compression and copy-on-write, from the RPC to the files. */
describe('mutable parameters of btrfs', () => {
  let driver: TestDriver;
  let server: CsiServer | undefined;
  let client: CsiClient;
  beforeAll(async () => {
    driver = await makeDriver({
      pools: [
        { name: 'btrfs', kind: 'btrfs', config: { backend: 'btrfs' } },
        { name: 'plain', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
      ],
    });
    await serve();
  });
  afterAll(async () => {
    await unserve();
    await driver.cleanup();
  });

  async function serve() {
    const endpoint = `unix://${join(driver.folder, 'csi.sock')}`;
    const handlers = createHandlers({ name: 'options.stowage.test', version: '0' }, driver.service);
    server = await createCsiServer({ endpoint, handlers, log: createLog('silent'), metrics: noMetrics });
    client = connectCsi(join(driver.folder, 'csi.sock'));
  }
  async function unserve() {
    client?.close();
    await server?.stop(0);
  }
  const create = async (name: string, parameters: Record<string, string>, mutableParameters = {}) => {
    const volumeCapabilities = [{ mount: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } }];
    const capacityRange = { requiredBytes: 64 * MIB };
    const request = { name, capacityRange, volumeCapabilities, parameters, mutableParameters };
    return (await client.call(controller.CreateVolume, request)).volume?.volumeId ?? '';
  };
  const modify = (volumeId: string, mutableParameters: Record<string, string>) =>
    client.call(controller.ControllerModifyVolume, { volumeId, mutableParameters });
  const refused = (details: string) => ({ code: status.INVALID_ARGUMENT, details: expect.stringContaining(details) });

  /** What a file that is made now in that folder is: its compression property, whether it is written in place, and whether 4 MiB of zeros shrink on the disk. */
  async function newFile(folder: string, name: string) {
    const file = join(folder, name);
    await writeFile(file, '');
    const property = (await run('btrfs', ['property', 'get', file, 'compression'])).stdout.trim();
    const flags = (await run('lsattr', [file])).stdout.split(' ')[0] ?? '';
    await writeFile(file, Buffer.alloc(4 * MIB));
    await run('sync', ['-f', file]);
    const isEncoded = /\bencoded\b/.test((await run('filefrag', ['-v', file])).stdout);
    return { property, inPlace: flags.includes('C'), isEncoded };
  }
  const plain = { property: '', inPlace: false, isEncoded: false };
  const zstd = { property: 'compression=zstd', inPlace: false, isEncoded: true };
  const inPlace = { property: '', inPlace: true, isEncoded: false };

  it('are what new files have, in old folders too, while those that were there stay as they are', async () => {
    const volumeId = await create('changed', { pool: 'btrfs' });
    await driver.mounted(
      volumeId,
      async ({ path }) => {
        const deep = join(path, 'deep', 'er');
        await mkdir(deep, { recursive: true });
        expect(await newFile(deep, 'before')).toEqual(plain);
        for (const turn of [1, 2]) {
          await modify(volumeId, { compression: 'zstd' });
          expect(await newFile(deep, `compressed-${turn}`)).toEqual(zstd);
        }
        await expect(modify(volumeId, { copyOnWrite: 'false' })).rejects.toMatchObject(refused('exclude one another'));
        for (const turn of [1, 2]) {
          await modify(volumeId, { compression: 'none', copyOnWrite: 'false' });
          expect(await newFile(deep, `in-place-${turn}`)).toEqual(inPlace);
          expect(await newFile(path, `in-place-${turn}`)).toEqual(inPlace);
        }
        await modify(volumeId, { copyOnWrite: 'true', compression: 'zstd' });
        expect(await newFile(deep, 'at-last')).toEqual(zstd);
        expect((await run('filefrag', ['-v', join(deep, 'before')])).stdout).not.toContain('encoded');
        expect((await readFile(join(deep, 'compressed-1'))).equals(Buffer.alloc(4 * MIB))).toBe(true);
      },
      mount('SINGLE_NODE_WRITER'),
    );
  });

  it('may be given at creation, where a VolumeAttributesClass wins over the StorageClass, and hold in copies and after a restart', async () => {
    const given = { pool: 'btrfs', compression: 'lzo' };
    const volumeId = await create('given', given, { compression: 'none', copyOnWrite: 'false' });
    expect(await create('given', given, { compression: 'none', copyOnWrite: 'false' })).toBe(volumeId);
    const look = (id: string, name: string) =>
      driver.mounted(id, ({ path }) => newFile(path, name), mount('SINGLE_NODE_WRITER'));
    expect(await look(volumeId, 'first')).toEqual(inPlace);
    await unserve();
    await driver.restart();
    await serve();
    await expect(modify(volumeId, { compression: 'zstd' })).rejects.toMatchObject(refused('exclude one another'));
    expect(await look(volumeId, 'second')).toEqual(inPlace);
    const clone = await driver.create('clone', { source: { kind: 'volume', id: volumeId }, sizeBytes: 64 * MIB });
    expect(await look(clone.id, 'third')).toEqual(inPlace);
  });

  it('are refused by name where they are unknown, wrong, or not of the pool, and then nothing changes', async () => {
    const volumeId = await create('refusing', { pool: 'btrfs' });
    await expect(modify(volumeId, { compresion: 'zstd' })).rejects.toMatchObject(refused('did you mean "compression"'));
    await expect(modify(volumeId, { compression: 'gzip' })).rejects.toMatchObject(refused('zstd'));
    await expect(modify(volumeId, { copyOnWrite: 'no' })).rejects.toMatchObject(refused('true, false'));
    await expect(modify(volumeId, { copyOnWrite: 'false', onDelete: 'never' })).rejects.toMatchObject(
      refused('retain'),
    );
    const look = ({ path }: { path: string }) => newFile(path, 'file');
    expect(await driver.mounted(volumeId, look, mount('SINGLE_NODE_WRITER'))).toEqual(plain);

    const other = await create('other', { pool: 'plain' });
    await expect(modify(other, { compression: 'zstd' })).rejects.toMatchObject(
      refused('compression cannot be set in pool plain (directory)'),
    );
    await modify(other, { onDelete: 'retain' });
    await expect(create('never', { pool: 'plain', copyOnWrite: 'false' })).rejects.toMatchObject(refused('pool plain'));
    await expect(modify('v1.nothing', { compression: 'zstd' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it('may be changed where the config says so', async () => {
    const advertised = async () =>
      (await client.call(controller.ControllerGetCapabilities, {})).capabilities.map(({ rpc }) => rpc?.type);
    expect(await advertised()).toContain('MODIFY_VOLUME');
    await unserve();
    await driver.restart({ controllerModify: false });
    await serve();
    expect(await advertised()).not.toContain('MODIFY_VOLUME');
    await expect(modify('v1.any', {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });
});
