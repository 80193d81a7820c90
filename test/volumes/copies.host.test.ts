import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import { fill, fingerprint } from '../support/content.ts';
import {
  codeOf,
  loopsBeneath,
  MIB,
  makeDriver,
  mount,
  mountPointsBeneath,
  signal,
  type TestDriver,
} from '../support/driver.ts';

const run = promisify(execFile);

/** Holds copies back until they are let through. */
function createGate() {
  let open = Promise.resolve();
  let letThrough = () => undefined as undefined;
  return {
    close() {
      open = new Promise((resolve) => {
        letThrough = () => void resolve();
      });
    },
    open: () => letThrough(),
    wrap: (host: Host): Host => ({
      ...host,
      files: {
        ...host.files,
        canClone: async () => false,
        async copy(from, to, given) {
          await Promise.race([open, aborted(given)]);
          given.throwIfAborted();
          await host.files.copy(from, to, given);
        },
      },
    }),
  };
}

function aborted(given: AbortSignal): Promise<void> {
  if (given.aborted) return Promise.resolve();
  return new Promise((resolve) => given.addEventListener('abort', () => resolve(), { once: true }));
}

/** The caller gives up soon, long before the copy is let through. */
const impatient = () => AbortSignal.timeout(100);

describe.each([
  { title: 'image', config: { backend: 'image' } as const },
  { title: 'directory', config: { backend: 'directory', quota: 'advisory' } as const },
])('a copy that takes long: $title', ({ config }) => {
  let at: TestDriver;
  let sourceId: string;
  let print: string;
  const gate = createGate();

  beforeEach(async () => {
    gate.open();
    at = await makeDriver({ pools: [{ name: 'p', kind: 'ext4', config }], wrap: gate.wrap });
    sourceId = (await at.create('source')).id;
    print = await at.mounted(sourceId, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    gate.close();
  }, 30_000);
  afterEach(() => {
    gate.open();
    return at.cleanup();
  });

  const request = () => ({
    name: 'clone',
    size: { requiredBytes: 32 * MIB, limitBytes: undefined },
    capabilities: [mount()],
    parameters: {},
    mutableParameters: {},
    source: { kind: 'volume', id: sourceId } as const,
    requisite: [],
  });
  const clone = (given = impatient()) => at.service.createVolume(request(), given);
  const snapshot = (given = impatient()) =>
    at.service.createSnapshot({ name: 'snap', sourceVolumeId: sourceId }, given);
  const remove = (volumeId: string) => codeOf(at.service.deleteVolume({ volumeId }, signal()));
  const cloneId = () => at.catalog.byName('volume', 'clone')?.id ?? 'none';

  it('makes CreateVolume answer busy, and a retry joins it', async () => {
    expect(await codeOf(clone())).toBe('busy');
    const id = cloneId();
    expect(await codeOf(clone())).toBe('busy');
    expect(cloneId()).toBe(id);
    const { entries } = await at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
    expect(entries.map(({ volume }) => volume.id)).toEqual([sourceId]);
    expect(await codeOf(at.stage(id))).toBe('busy');
    gate.open();
    const info = await clone(signal());
    expect(info.id).toBe(id);
    expect(await at.mounted(id, fingerprint)).toBe(print);
  });

  it('keeps its source from being deleted', async () => {
    expect(await codeOf(clone())).toBe('busy');
    expect(await remove(sourceId)).toBe('precondition');
    gate.open();
    await clone(signal());
    expect(await remove(sourceId)).toBe('ok');
  });

  it('is ended by DeleteVolume, and leaves nothing', async () => {
    expect(await codeOf(clone())).toBe('busy');
    expect(await remove(cloneId())).toBe('ok');
    await at.driver.idle();
    expect([...at.catalog.all()].map(({ id }) => id)).toEqual([sourceId]);
    const { stdout } = await run('sh', ['-c', 'ls "$1"/.stowage/tmp "$1"/.stowage/trash', 'sh', at.poolPath()]);
    expect(stdout).not.toContain('clone');
    expect(await remove(sourceId)).toBe('ok');
  });

  it('makes CreateSnapshot answer not ready, then ready, always with the same id', async () => {
    const first = await snapshot();
    expect(first.ready).toBe(false);
    expect(await snapshot()).toEqual(first);
    expect(await at.service.getSnapshot({ snapshotId: first.id }, signal())).toEqual(first);
    expect(await codeOf(at.create('early', { source: { kind: 'snapshot', id: first.id } }))).toBe('busy');
    gate.open();
    expect(await snapshot(signal())).toEqual({ ...first, ready: true });
    const restored = await at.create('restored', { source: { kind: 'snapshot', id: first.id } });
    expect(await at.mounted(restored.id, fingerprint)).toBe(print);
  });

  it('goes on after a restart, with the same ids', async () => {
    const first = await snapshot();
    await at.restart();
    expect(await snapshot()).toEqual(first);
    gate.open();
    expect(await snapshot(signal())).toEqual({ ...first, ready: true });
    gate.close();
    expect(await codeOf(clone())).toBe('busy');
    const id = cloneId();
    await at.restart();
    expect(cloneId()).toBe(id);
    gate.open();
    expect((await clone(signal())).id).toBe(id);
    expect(await at.mounted(id, fingerprint)).toBe(print);
  });

  it('is ended by DeleteSnapshot, and leaves nothing', async () => {
    const first = await snapshot();
    expect(await codeOf(at.service.deleteSnapshot({ snapshotId: first.id }, signal()))).toBe('ok');
    await at.driver.idle();
    expect([...at.catalog.all()].map(({ id }) => id)).toEqual([sourceId]);
    expect(await remove(sourceId)).toBe('ok');
  });

  it('of a group is all or nothing', async () => {
    const other = await at.create('other');
    const group = () => at.service.createGroup({ name: 'g', sourceVolumeIds: [sourceId, other.id] }, impatient());
    expect(await codeOf(group())).toBe('busy');
    const listed = () =>
      at.service.listSnapshots(
        { page: { maxEntries: 0, startingToken: undefined }, sourceVolumeId: undefined, snapshotId: undefined },
        signal(),
      );
    expect((await listed()).entries).toEqual([]);
    gate.open();
    const done = await at.service.createGroup({ name: 'g', sourceVolumeIds: [other.id, sourceId] }, signal());
    expect((await listed()).entries).toHaveLength(2);
    expect(done.snapshots.every(({ ready }) => ready)).toBe(true);
    for (const { id } of done.snapshots)
      expect(await codeOf(at.service.deleteSnapshot({ snapshotId: id }, signal()))).toBe('invalid');
  });

  if (config.backend === 'image') {
    it('keeps its source from being mounted or grown meanwhile', async () => {
      expect(await codeOf(clone())).toBe('busy');
      expect(await codeOf(at.stage(sourceId))).toBe('busy');
      const size = { requiredBytes: 64 * MIB, limitBytes: undefined };
      const expansion = { volumeId: sourceId, size, capability: undefined };
      expect(await codeOf(at.service.expandVolume(expansion, signal()))).toBe('busy');
      gate.open();
      await clone(signal());
      expect(await codeOf(at.stage(sourceId))).toBe('ok');
    });
  }
});

describe.each([
  { title: 'image', config: { backend: 'image' } as const },
  { title: 'directory', config: { backend: 'directory', quota: 'advisory' } as const },
])('a reboot: $title', ({ config }) => {
  it('loses mounts and loop devices, and no data', async () => {
    const at = await makeDriver({ pools: [{ name: 'p', kind: 'xfs', config }] });
    try {
      const { id } = await at.create('data');
      await at.stage(id);
      const view = await at.publish(id, 'pod');
      await fill(view);
      const print = await fingerprint(view);
      await at.stop();
      for (const point of await mountPointsBeneath(at.folder)) await run('umount', [point]);
      for (const device of await loopsBeneath(at.poolPath())) await run('losetup', ['-d', device]);
      await at.restart();
      expect(await codeOf(at.publish(id, 'pod'))).toBe('precondition');
      await at.stage(id);
      expect(await fingerprint(await at.publish(id, 'pod'))).toBe(print);
    } finally {
      await at.cleanup();
    }
  });
});
