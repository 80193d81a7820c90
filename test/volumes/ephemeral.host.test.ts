import { chown, readdir, readFile, rename, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { codeOf, loopsBeneath, MIB, makeDriver, refusal, signal, type TestDriver } from '../support/driver.ts';
import { floodAsNobody, type InlineVolume, inlineVolume, loseMounts } from './kubelet.ts';

const KINDS = [
  { pool: 'mem', medium: 'memory', enforced: true },
  { pool: 'dir', medium: 'disk', enforced: false },
  { pool: 'img', medium: 'disk', enforced: true },
] as const;

let at: TestDriver;
let pods = 0;
const living: InlineVolume[] = [];

/** The inline volume of a new pod. */
function newPod(): InlineVolume {
  pods += 1;
  const volume = inlineVolume(at, `pod-${pods}`);
  living.push(volume);
  return volume;
}

const records = () => [...at.catalog.all()].filter(({ state }) => state !== 'deleting');

beforeAll(async () => {
  at = await makeDriver({
    pools: [
      { name: 'mem', kind: 'folder', config: { backend: 'memory', size: 256 * MIB, ephemeral: true } },
      { name: 'dir', kind: 'folder', config: { backend: 'directory', quota: 'advisory', ephemeral: true } },
      {
        name: 'img',
        kind: 'xfs',
        config: { backend: 'image', fsType: 'ext4', ephemeral: true, maxVolumeBytes: 128 * MIB },
      },
      { name: 'plain', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
    ],
  });
});
afterEach(async () => {
  for (let last = living.at(-1); last !== undefined; last = living.at(-1)) {
    await last.unpublish();
    living.pop();
  }
  await at.driver.idle();
  expect([...at.catalog.all()]).toEqual([]);
});
afterAll(() => at?.cleanup());

describe.each(KINDS)('an inline volume in $pool', ({ pool, medium, enforced }) => {
  const attributes = { pool, medium, size: '32Mi' };

  it('is made at publish, and gone at unpublish, each as often as asked', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    await writeFile(join(volume.targetPath, 'data'), 'x');
    await volume.publish(attributes);
    expect(await readFile(join(volume.targetPath, 'data'), 'utf8')).toBe('x');
    expect(records()).toHaveLength(1);
    await volume.unpublish();
    await volume.unpublish();
    await expect(stat(volume.targetPath)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(records()).toEqual([]);
    await at.driver.idle();
    expect(await readdir(join(at.poolPath(pool), 'volumes'))).toEqual([]);
    expect(await loopsBeneath(at.poolPath(pool))).toEqual([]);
  });

  it('holds a writer who is not root to its size', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    await chown(volume.targetPath, 65_534, 65_534); // as the kubelet does for fsGroup
    const said = await floodAsNobody(volume.targetPath, 40);
    if (enforced) expect(said).toMatch(/No space left|quota exceeded/);
    else expect(said).not.toMatch(/error/);
  });

  it('is read-only where its pod asks for that', async () => {
    const volume = newPod();
    await volume.publish(attributes, { readOnly: true });
    await expect(writeFile(join(volume.targetPath, 'x'), '')).rejects.toMatchObject({ code: 'EROFS' });
    await volume.publish(attributes, { readOnly: true });
    expect(await codeOf(volume.publish(attributes))).toBe('already-exists');
  });

  it('has stats of its own, and cannot grow', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    const request = { volumeId: volume.volumeId, volumePath: volume.targetPath, stagingPath: undefined };
    const { usage, condition } = await at.service.stats(request, signal());
    expect(usage?.bytes.total).toBeGreaterThan(20 * MIB);
    expect(usage?.bytes.total).toBeLessThanOrEqual(32 * MIB);
    expect(condition.abnormal).toBe(false);
    const size = { requiredBytes: 64 * MIB, limitBytes: undefined };
    expect(await codeOf(at.service.expandOnNode({ ...request, size, capability: undefined }, signal()))).toBe(
      'not-found',
    );
  });

  it('goes with a pod that went while the driver was dead', async () => {
    const [gone, kept] = [newPod(), newPod()];
    await gone.publish(attributes);
    await kept.publish(attributes);
    await at.stop();
    await gone.removePod();
    await at.restart();
    expect(records()).toHaveLength(1);
    await at.driver.idle();
    expect(await readdir(join(at.poolPath(pool), 'volumes'))).toHaveLength(1);
    await writeFile(join(kept.targetPath, 'still'), 'there');
  });

  it('outlives a restart of the node as its pod does: on disk with its data, in memory empty', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    await writeFile(join(volume.targetPath, 'data'), 'x');
    await at.stop();
    await loseMounts(join(at.folder, 'kubelet'), join(at.poolPath(pool), 'volumes'));
    await at.restart();
    expect(records()).toHaveLength(1);
    await volume.publish(attributes);
    const files = (await readdir(volume.targetPath)).filter((name) => name !== 'lost+found');
    expect(files).toEqual(medium === 'memory' ? [] : ['data']);
    expect(records()).toHaveLength(1);
  });

  it('lets its pod end while its pool is away, and goes when that is back', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    const identity = join(at.poolPath(pool), '.stowage/pool.json');
    await rename(identity, `${identity}.away`);
    try {
      await volume.unpublish();
      await expect(stat(volume.targetPath)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await rename(`${identity}.away`, identity);
    }
    expect(records()).toHaveLength(1);
    await volume.removePod();
    await at.restart();
    expect(records()).toEqual([]);
    await at.driver.idle();
    expect(await loopsBeneath(at.poolPath(pool))).toEqual([]);
  });

  it('is counted as room, but not listed, found or deleted by its own id', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    expect(at.catalog.promisedBytes(pool)).toBe(32 * MIB);
    const [record] = records();
    const volumeId = record?.id ?? '';
    const page = { maxEntries: 0, startingToken: undefined };
    expect((await at.service.listVolumes(page, signal())).entries).toEqual([]);
    expect(await codeOf(at.service.getVolume({ volumeId }, signal()))).toBe('not-found');
    await at.service.deleteVolume({ volumeId }, signal());
    await at.service.deleteVolume({ volumeId: volume.volumeId }, signal());
    expect(records()).toEqual([record]);
    const named = await at.create(record?.name ?? '', { parameters: { pool }, sizeBytes: 16 * MIB });
    expect(named.id).not.toBe(volumeId);
    await at.service.deleteVolume({ volumeId: named.id }, signal());
  });

  it('is one target only', async () => {
    const volume = newPod();
    await volume.publish(attributes);
    const other = await refusal(volume.publish(attributes, { targetPath: `${volume.targetPath}-2` }));
    expect(other.code).toBe('precondition');
    await at.service.unpublish({ volumeId: volume.volumeId, targetPath: `${volume.targetPath}-2` }, signal());
    await writeFile(join(volume.targetPath, 'still'), 'there');
  });
});

describe('an inline volume', () => {
  it.each([
    [{ pool: 'mem', siez: '1Gi' }, 'size'],
    [{ pool: 'mem', onDelete: 'retain' }, 'known are'],
    [{ pool: 'mem', size: '-1' }, 'size'],
    [{ pool: 'mem', size: '0' }, 'size'],
    [{ pool: 'mem', size: 'lots' }, '1Gi'],
    [{ pool: 'mem', medium: 'Memory' }, 'memory or disk'],
    [{ pool: 'mem', medium: 'disk' }, 'dir, img'],
    [{ pool: 'mme' }, 'did you mean mem'],
    [{ pool: '../mem' }, 'none that fits'],
    [{ size: '1Mi' }, 'several'],
    [{ medium: 'disk' }, 'several'],
  ])('with attributes %j is refused, with a hint', async (attributes, hint) => {
    const volume = newPod();
    const refused = await refusal(volume.publish(attributes));
    expect(refused).toMatchObject({ code: 'invalid', message: expect.stringContaining(hint) });
    expect(records()).toEqual([]);
  });

  it('is not made in a pool that does not allow it, of which its author learns nothing', async () => {
    const { code, message } = await refusal(newPod().publish({ pool: 'plain' }));
    expect(code).toBe('invalid');
    expect(message.replace('pool plain', '')).not.toContain('plain');
  });

  it('takes the only pool of its medium, and the default size as far as the pool allows', async () => {
    const inMemory = newPod();
    await inMemory.publish({ medium: 'memory', size: '8Mi' });
    expect(records()).toMatchObject([{ pool: 'mem', sizeBytes: 8 * MIB }]);
    await inMemory.unpublish();
    const byDefault = newPod();
    await byDefault.publish({ pool: 'img' });
    expect(records()).toMatchObject([{ pool: 'img', sizeBytes: 128 * MIB }]);
    expect(await codeOf(newPod().publish({ pool: 'img', size: '129Mi' }))).toBe('out-of-range');
  });

  it('is refused where its pool is full, and fits when another has gone', async () => {
    const [first, second] = [newPod(), newPod()];
    await first.publish({ pool: 'mem', size: '200Mi' });
    expect(await codeOf(second.publish({ pool: 'mem', size: '100Mi' }))).toBe('exhausted');
    await first.unpublish();
    await at.driver.idle();
    await second.publish({ pool: 'mem', size: '100Mi' });
  });

  it.each(['false', 'True', ''])('is none where the kubelet says %j', async (ephemeral) => {
    const volume = newPod();
    expect(await codeOf(volume.publish({ pool: 'mem' }, { ephemeral }))).toBe('not-found');
    expect(records()).toEqual([]);
  });

  it('is no other volume: neither one with an id of ours, nor one that is staged', async () => {
    const { id } = await at.create('claim', { parameters: { pool: 'dir' } });
    expect(await codeOf(newPod().publish({ pool: 'dir' }, { volumeId: id }))).toBe('invalid');
    expect(await codeOf(newPod().publish({ pool: 'dir' }, { stagingTargetPath: '/staged' }))).toBe('invalid');
    await at.service.deleteVolume({ volumeId: id }, signal());
  });

  it('leaves nothing where it cannot be mounted', async () => {
    const [holder, volume] = [newPod(), newPod()];
    await holder.publish({ pool: 'dir', size: '1Mi' });
    const before = records();
    const inTheWay = volume.publish({ pool: 'img', size: '16Mi' }, { targetPath: holder.targetPath });
    expect(await codeOf(inTheWay)).toBe('already-exists');
    expect(records()).toEqual(before);
    await writeFile(join(holder.targetPath, 'still'), 'there');
  });

  it('of a pod that went is removed when the next one needs room', async () => {
    const [gone, next] = [newPod(), newPod()];
    await gone.publish({ pool: 'mem', size: '16Mi' });
    await gone.removePod();
    await next.publish({ pool: 'mem', size: '16Mi' });
    expect(records()).toHaveLength(1);
    expect((await statfs(next.targetPath)).type).toBe(0x01021994); // tmpfs
  });

  it('takes the file system that its pod asks for', async () => {
    const volume = newPod();
    expect(await codeOf(volume.publish({ pool: 'img', size: '16Mi' }, { fsType: 'ntfs' }))).toBe('invalid');
    await volume.publish({ pool: 'img', size: '16Mi' }, { fsType: 'ext4' });
    expect(await readdir(volume.targetPath)).toEqual(['lost+found']);
  });
});

it('is refused on a node without a pool for it', async () => {
  const other = await makeDriver({
    pools: [{ name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } }],
  });
  try {
    expect(await codeOf(inlineVolume(other, 'pod').publish({}))).toBe('precondition');
    await inlineVolume(other, 'pod').unpublish();
  } finally {
    await other.cleanup();
  }
});
