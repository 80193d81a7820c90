import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Capability } from '../../src/volumes/requests.ts';
import { fill, fingerprint, type View } from '../support/content.ts';
import {
  block,
  loopsBeneath,
  MIB,
  makeDriver,
  mount,
  mountPointsBeneath,
  type PoolSetup,
  signal,
  type TestDriver,
} from '../support/driver.ts';

interface Life {
  readonly title: string;
  readonly pool: PoolSetup;
  readonly capability: Capability;
  readonly sizeBytes: number;
  readonly grows: boolean; // ext4 may not grow online on every machine
  readonly holdsStill: boolean; // snapshots of several volumes are taken at one moment
}

const XFS = { name: 'p', kind: 'xfs', sizeBytes: 4096 * MIB } as const;

const LIVES: readonly Life[] = [
  {
    title: 'image, xfs on xfs with reflink',
    pool: { ...XFS, config: { backend: 'image', fsType: 'xfs' } },
    capability: mount(),
    sizeBytes: 300 * MIB,
    grows: true,
    holdsStill: true,
  },
  {
    title: 'image, raw block on xfs with reflink',
    pool: { ...XFS, config: { backend: 'image' } },
    capability: block(),
    sizeBytes: 16 * MIB,
    grows: true,
    holdsStill: false,
  },
  {
    title: 'image, ext4 on ext4 without reflink',
    pool: { name: 'p', kind: 'ext4', sizeBytes: 1024 * MIB, config: { backend: 'image' } },
    capability: mount(),
    sizeBytes: 32 * MIB,
    grows: false,
    holdsStill: false,
  },
  {
    title: 'directory, advisory',
    pool: { ...XFS, config: { backend: 'directory', quota: 'advisory' } },
    capability: mount(),
    sizeBytes: 32 * MIB,
    grows: true,
    holdsStill: false,
  },
];

/** What mkfs.xfs(8) keeps for its log, which statfs does not count. */
const XFS_LOG_BYTES = 64 * MIB;

/** Counts up in two files in turn, each number on disk before the next. For volumes that are written in lockstep. */
const COUNTER = `
const { openSync, writeSync, fsyncSync } = require('node:fs');
const files = process.argv.slice(1).map((path) => openSync(path, 'w'));
for (let n = 1; ; n++) for (const file of files) { writeSync(file, String(n).padStart(12), 0); fsyncSync(file); }
`;

async function whileCounting<T>(files: readonly string[], use: () => Promise<T>): Promise<T> {
  const child: ChildProcess = spawn(process.execPath, ['-e', COUNTER, ...files], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    while ((await numberIn(files.at(-1) ?? '')) < 3) {
      if (child.exitCode !== null) throw new Error(`the writer of ${files.join(' and ')} ended`);
      await sleep(5);
    }
    return await use();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function numberIn(file: string): Promise<number> {
  return Number(await readFile(file, 'utf8').catch(() => '0'));
}

async function damage(view: View): Promise<void> {
  if (view.type === 'device') await writeFile(view.path, Buffer.alloc(2 * MIB, 'x'), { flag: 'r+', flush: true });
  else await rm(join(view.path, 'data'));
}

describe.each(LIVES)('the life of a volume: $title', ({ pool, capability, sizeBytes, grows, holdsStill }) => {
  let at: TestDriver;
  let id: string;
  let print: string;
  let snapshotId: string;
  let snapshotBytes: number;
  const isTree = capability.access.type === 'mount';

  beforeAll(async () => {
    at = await makeDriver({ pools: [pool], capability, sizeBytes });
  }, 30_000);
  afterAll(() => at?.cleanup());

  const expandBy = async (): Promise<number> => {
    const size = { requiredBytes: sizeBytes + 16 * MIB, limitBytes: undefined };
    const expansion = await at.service.expandVolume({ volumeId: id, size, capability }, signal());
    await at.restart();
    const nodeSizeBytes = await at.service.expandOnNode(
      { volumeId: id, volumePath: at.target('pod-1'), stagingPath: undefined, size, capability },
      signal(),
    );
    expect(nodeSizeBytes).toBe(expansion.sizeBytes);
    return expansion.sizeBytes;
  };

  it('is created, again under the same name with the same answer', async () => {
    const info = await at.create('data');
    id = info.id;
    await at.restart();
    expect(await at.create('data')).toEqual(info);
    expect(info).toMatchObject({ sizeBytes, context: { pool: 'p' }, source: undefined });
  });

  it('is attached, staged and published, each twice, with a restart in between', async () => {
    for (let round = 0; round < 2; round++) {
      await at.service.attach(
        { volumeId: id, nodeId: 'node-1', capability, readOnly: false, volumeContext: {} },
        signal(),
      );
      await at.restart();
      await at.stage(id);
      await at.restart();
      await at.publish(id, 'pod-1');
      await at.restart();
    }
    expect(await mountPointsBeneath(at.folder)).toHaveLength(2);
  });

  it('keeps what is written through a restart', async () => {
    const view = await at.publish(id, 'pod-1');
    await fill(view);
    print = await fingerprint(view);
    await at.restart();
    expect(await fingerprint(view)).toBe(print);
  });

  it('is published at a second target, with the same content', async () => {
    expect(await fingerprint(await at.publish(id, 'pod-2'))).toBe(print);
    await at.unpublish(id, 'pod-2');
    expect(await mountPointsBeneath(at.target(''))).toEqual([at.target('pod-1')]);
  });

  it('says how full it is, never what its pool is', async () => {
    const { usage, condition } = await at.service.stats(
      { volumeId: id, volumePath: at.target('pod-1'), stagingPath: at.stagingPath(id) },
      signal(),
    );
    expect(usage?.bytes.total).toBeGreaterThan(sizeBytes / 2);
    expect(usage?.bytes.total).toBeLessThanOrEqual(sizeBytes);
    expect(usage?.bytes.used).toBeGreaterThanOrEqual(MIB);
    expect((usage?.bytes.used ?? NaN) + (usage?.bytes.available ?? NaN)).toBeLessThanOrEqual(usage?.bytes.total ?? NaN);
    expect(usage?.inodes === undefined).toBe(!isTree);
    expect(condition).toEqual({ abnormal: false, message: 'in order' });
  });

  if (grows) {
    it('grows while it is in use, with its content', async () => {
      const larger = await expandBy();
      expect(larger).toBeGreaterThan(sizeBytes);
      expect(await fingerprint(await at.publish(id, 'pod-1'))).toBe(print);
      const { usage } = await at.service.stats(
        { volumeId: id, volumePath: at.target('pod-1'), stagingPath: undefined },
        signal(),
      );
      expect(usage?.bytes.total).toBeGreaterThanOrEqual(larger - XFS_LOG_BYTES);
    });
  }

  it('is snapshotted while it is written to', async () => {
    const take = async () => {
      const info = await at.service.createSnapshot({ name: 'early', sourceVolumeId: id }, signal());
      expect(info.ready).toBe(true);
      return info;
    };
    // A raw block device in use has no moment of rest that we could know of, and what is copied is what was on it.
    const early = await (isTree ? whileCounting([join(at.target('pod-1'), 'count')], take) : take());
    snapshotId = early.id;
    snapshotBytes = early.sizeBytes;
    await at.restart();
    expect(await at.service.createSnapshot({ name: 'early', sourceVolumeId: id }, signal())).toEqual(early);
    if (isTree) await rm(join(at.target('pod-1'), 'count'));
    expect(await fingerprint({ type: isTree ? 'tree' : 'device', path: at.target('pod-1') })).toBe(print);
  });

  it('comes back from the snapshot after damage', async () => {
    await damage(await at.publish(id, 'pod-1'));
    expect(await fingerprint(await at.publish(id, 'pod-1'))).not.toBe(print);
    const source = { kind: 'snapshot', id: snapshotId } as const;
    const restored = await at.create('restored', { source, sizeBytes: snapshotBytes });
    await at.restart();
    expect(await at.create('restored', { source, sizeBytes: snapshotBytes })).toEqual(restored);
    await at.mounted(restored.id, async (view) => {
      if (isTree) {
        expect(await numberIn(join(view.path, 'count'))).toBeGreaterThan(0);
        await rm(join(view.path, 'count'));
      }
      expect(await fingerprint(view)).toBe(print);
    });
  });

  if (grows) {
    it('is restored into a larger volume', async () => {
      const wanted = sizeBytes + 64 * MIB;
      const larger = await at.create('larger', { source: { kind: 'snapshot', id: snapshotId }, sizeBytes: wanted });
      expect(larger.sizeBytes).toBe(wanted);
      await at.restart();
      await at.mounted(larger.id, async (view) => {
        if (isTree) await rm(join(view.path, 'count'));
        expect(await fingerprint(view)).toBe(print);
        const { usage } = await at.service.stats(
          { volumeId: larger.id, volumePath: view.path, stagingPath: undefined },
          signal(),
        );
        expect(usage?.bytes.total).toBeGreaterThanOrEqual(wanted - XFS_LOG_BYTES);
      });
    });
  }

  it('is cloned, and the clone goes its own way', async () => {
    const source = { kind: 'snapshot', id: snapshotId } as const;
    const restored = await at.create('restored', { source, sizeBytes: snapshotBytes });
    const clone = await at.create('clone', { source: { kind: 'volume', id: restored.id }, sizeBytes: snapshotBytes });
    await at.restart();
    await at.mounted(clone.id, async (view) => {
      expect(await fingerprint(view)).toBe(print);
      await damage(view);
      expect(await fingerprint(view)).not.toBe(print);
    });
    await at.mounted(restored.id, async (view) => expect(await fingerprint(view)).toBe(print));
  });

  it('is snapshotted together with another, all at one moment where the pool can', async () => {
    const other = await at.create('other');
    await at.stage(other.id);
    const view = await at.publish(other.id, 'other-pod');
    const files = isTree ? [join(at.target('pod-1'), 'step'), join(view.path, 'step')] : [];
    const take = () => at.service.createGroup({ name: 'both', sourceVolumeIds: [id, other.id] }, signal());
    const group = await (isTree ? whileCounting(files, take) : take());
    await at.restart();
    expect(await at.service.createGroup({ name: 'both', sourceVolumeIds: [other.id, id] }, signal())).toEqual(group);
    expect(group.ready).toBe(true);
    expect(group.snapshots.map(({ sourceVolumeId }) => sourceVolumeId)).toEqual([id, other.id]);

    const steps: number[] = [];
    const copies: string[] = [];
    for (const [index, member] of group.snapshots.entries()) {
      expect(member.groupId).toBe(group.id);
      const source = { kind: 'snapshot', id: member.id } as const;
      const copy = await at.create(`member-${index}`, { source, sizeBytes: member.sizeBytes });
      copies.push(copy.id);
      if (isTree) await at.mounted(copy.id, async ({ path }) => void steps.push(await numberIn(join(path, 'step'))));
    }
    if (holdsStill) expect([steps[1], Number(steps[1]) + 1]).toContain(steps[0]);

    const snapshotIds = group.snapshots.map((member) => member.id);
    await at.service.deleteGroup({ groupId: group.id, snapshotIds }, signal());
    await at.service.deleteGroup({ groupId: group.id, snapshotIds }, signal());
    await at.unpublish(other.id, 'other-pod');
    await at.unstage(other.id);
    for (const copyId of [...copies, other.id]) await at.service.deleteVolume({ volumeId: copyId }, signal());
  });

  it('is unpublished, unstaged and detached, each twice, with a restart in between', async () => {
    if (isTree) await appendFile(join(at.target('pod-1'), 'last'), 'word');
    for (let round = 0; round < 2; round++) {
      await at.unpublish(id, 'pod-1');
      await at.restart();
    }
    for (let round = 0; round < 2; round++) {
      await at.unstage(id);
      await at.restart();
    }
    for (let round = 0; round < 2; round++) {
      await at.service.detach({ volumeId: id, nodeId: 'node-1' }, signal());
      await at.restart();
    }
    expect(await mountPointsBeneath(at.folder)).toEqual([]);
    expect(await loopsBeneath(at.poolPath())).toEqual([]);
    if (isTree)
      await at.mounted(id, async ({ path }) => expect(await readFile(join(path, 'last'), 'utf8')).toBe('word'));
  });

  it('is deleted with all that came from it, and nothing is left', async () => {
    const { entries } = await at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
    for (const { volume } of entries) {
      await at.service.deleteVolume({ volumeId: volume.id }, signal());
      await at.restart();
      await at.service.deleteVolume({ volumeId: volume.id }, signal());
    }
    await at.service.deleteSnapshot({ snapshotId }, signal());
    await at.service.deleteSnapshot({ snapshotId }, signal());
    await at.driver.idle();
    expect([...at.catalog.all()]).toEqual([]);
    expect(at.catalog.promisedBytes('p')).toBe(0);
    expect(await filesOf(at)).toEqual([]);
    expect(await loopsBeneath(at.poolPath())).toEqual([]);
  });
});

/** Everything in the pool but its own folders and its identity. */
async function filesOf(at: TestDriver): Promise<string[]> {
  const names = await readdir(at.poolPath(), { recursive: true, withFileTypes: true });
  return names.filter((entry) => !entry.isDirectory() && entry.name !== 'pool.json').map(({ name }) => name);
}
