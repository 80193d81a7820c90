import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import {
  attach,
  createdInPool,
  detach,
  failure,
  inPod,
  outOfPod,
  POOL,
  sh,
  startHolder,
  startManagedServer,
} from './support-managed.ts';
import { type LabNode, startNode } from './support-nodes.ts';
import { remove, stage } from './support-volumes.ts';

const { controller } = services;
const MIB = 1024 ** 2;

const isFull = process.env.STOWAGE_LAB === 'full';

let server: LabNode;
let first: LabNode;
let second: LabNode;

beforeAll(async () => {
  server = await startManagedServer('server');
  first = await startNode('worker-1', { statd: true });
  second = await startNode('worker-2', { statd: true });
}, 120_000);
afterAll(async () => {
  for (const node of [first, second, server]) await node?.stop();
});

const exportsOf = async () => (await server.exec('cat', '/var/lib/nfs/etab')).split('\n').filter(Boolean);
/** Of this machine's server alone: all machines of the guest see each other's processes. */
const KILL = 'pkill --ns $$ --nslist net -x';

describe.each([['4.2', []], ...(isFull ? [['3', ['vers=3']] as const] : [])] as const)(
  'a volume that we serve, NFS %s',
  (version, mountFlags) => {
    it('is for the nodes that it is attached to, as large as it shall be, and leaves nothing', async () => {
      const volume = await createdInPool(server, `life-${version}`, 64, mountFlags);
      expect(await failure(stage(first, volume))).toMatch(/FAILED_PRECONDITION.*not exported to this node/);
      await attach(server, volume, first);
      const path = await inPod(first, volume);
      expect((await sh(first, `df -m --output=size ${path} | tail -1`)).trim()).toBe('64');
      await sh(first, `echo kept >${path}/file; sync ${path}/file`);
      expect(await failure(sh(first, `dd if=/dev/zero of=${path}/large bs=1M count=80 conv=fsync`))).toMatch(
        /No space left|quota exceeded/,
      );
      await server.call(controller.ControllerExpandVolume, {
        volumeId: volume.id,
        capacityRange: { requiredBytes: 128 * MIB },
      });
      await sh(first, `dd if=/dev/zero of=${path}/large bs=1M count=80 conv=fsync`);
      // The other node may read, and only that.
      await attach(server, volume, second, true);
      const other = await inPod(second, volume);
      expect((await sh(second, `cat ${other}/file`)).trim()).toBe('kept');
      expect(await failure(sh(second, `echo no >${other}/file`))).toMatch(/Read-only file system|Permission denied/);
      await outOfPod(second, volume);
      await detach(server, volume, second);
      expect((await exportsOf()).filter((line) => line.includes(second.address))).toEqual([]);
      await sh(first, `echo later >${path}/file; sync ${path}/file`);
      expect(await failure(remove(server, volume))).toMatch(/FAILED_PRECONDITION/);
      await outOfPod(first, volume);
      await detach(server, volume, first);
      await remove(server, volume);
      expect((await exportsOf()).filter((line) => line.includes('/tank/'))).toEqual([]);
      expect(await readdir(join(POOL, 'volumes'))).toEqual([]);
    }, 120_000);
  },
);

describe('a node that is shut out', () => {
  it('cannot write any more, with files open, and the next one need not wait', async () => {
    const volume = await createdInPool(server, 'fence');
    const neighbour = await createdInPool(server, 'neighbour');
    for (const one of [volume, neighbour]) await attach(server, one, first);
    const path = await inPod(first, volume);
    const near = await inPod(first, neighbour);
    const held = startHolder(first);
    const unharmed = startHolder(first);
    expect(await held.ask(`lock ${path}/file`)).toBe('locked');
    expect(await unharmed.ask(`lock ${near}/file`)).toBe('locked');
    expect(await held.ask('write first')).toBe('written');
    await detach(server, volume, first);
    await attach(server, volume, second);
    const there = await inPod(second, volume);
    const next = startHolder(second);
    expect(await next.ask(`lock ${there}/file`)).toBe('locked');
    expect(await next.ask('write second')).toBe('written');
    expect(await held.ask('write late')).toMatch(/Stale file handle|Input\/output error/);
    expect(await next.ask('write third')).toBe('written');
    const [folder] = (await readdir(join(POOL, 'volumes'))).filter((name) => name.startsWith('fence'));
    expect(await readFile(join(POOL, 'volumes', folder ?? '', 'file'), 'utf8')).toBe('first\nsecond\nthird\n');
    expect(await failure(sh(first, `echo more >${near}/other; sync ${near}/other`))).toBe('ok');
    for (const holder of [held, unharmed, next]) holder.end();
    await outOfPod(first, volume);
    await outOfPod(first, neighbour);
    await outOfPod(second, volume);
    await detach(server, volume, second);
    await detach(server, neighbour, first);
    for (const one of [volume, neighbour]) await remove(server, one);
  }, 120_000);

  it('keeps what it holds of other volumes where it holds nothing of this one', async () => {
    const volume = await createdInPool(server, 'left');
    const neighbour = await createdInPool(server, 'stays');
    for (const one of [volume, neighbour]) await attach(server, one, first);
    const near = await inPod(first, neighbour);
    const path = await inPod(first, volume);
    await sh(first, `echo one >${path}/file`);
    await outOfPod(first, volume);
    const holder = startHolder(first);
    expect(await holder.ask(`lock ${near}/file`)).toBe('locked');
    await detach(server, volume, first);
    expect(await holder.ask('write after')).toBe('written');
    holder.end();
    await outOfPod(first, neighbour);
    await detach(server, neighbour, first);
    for (const one of [volume, neighbour]) await remove(server, one);
  }, 120_000);
});

/** Its restart: grace periods and timeouts of the kernel are waited for. */
if (isFull) {
  describe('the machine that serves', () => {
    it('starts anew, and its clients go on with files open and locked', async () => {
      const volume = await createdInPool(server, 'reboot');
      await attach(server, volume, first);
      const path = await inPod(first, volume);
      const holder = startHolder(first);
      expect(await holder.ask(`lock ${path}/file`)).toBe('locked');
      expect(await holder.ask('write before')).toBe('written');
      await server.kill();
      await sh(
        server,
        `rpc.nfsd 0; ${KILL} rpc.mountd; ${KILL} nfsdcld; exportfs -ua; exportfs -f; umount -R ${server.folder}/state/exports`,
      );
      const late = holder.ask('write after');
      await server.start();
      expect(await late).toBe('written');
      await attach(server, volume, second);
      const there = await inPod(second, volume);
      const other = startHolder(second);
      expect(await other.ask(`lock ${there}/file`)).toMatch(/Resource temporarily unavailable/); // its lock was taken back
      for (const one of [holder, other]) one.end();
      for (const node of [first, second]) {
        await outOfPod(node, volume);
        await detach(server, volume, node);
      }
      await remove(server, volume);
    });

    it('gives nobody an empty folder instead of a volume while nothing answers for its exports', async () => {
      const volume = await createdInPool(server, 'unanswered');
      await attach(server, volume, first);
      await sh(server, `${KILL} rpc.mountd; exportfs -f`);
      expect(await failure(stage(first, volume))).toMatch(/UNAVAILABLE|DEADLINE_EXCEEDED/);
      await sh(server, 'rpc.mountd --no-nfs-version 2');
      const path = await inPod(first, volume);
      await sh(first, `echo written >${path}/file`);
      await outOfPod(first, volume);
      await detach(server, volume, first);
      await remove(server, volume);
    });
  });
}

describe('what is exported', () => {
  it('follows the records after a restart, whatever became of it meanwhile', async () => {
    const volume = await createdInPool(server, 'restart');
    await attach(server, volume, first);
    const path = await inPod(first, volume);
    await sh(first, `echo before >${path}/file`);
    await server.kill();
    await sh(first, `echo meanwhile >${path}/file; sync ${path}/file`); // the driver is not in the way
    await server.exec('exportfs', '-ua');
    await server.exec('exportfs', '-o', 'rw,fsid=77', `${second.address}:${POOL}/volumes`);
    await server
      .exec('exportfs', '-o', 'rw,fsid=78', `${second.address}:${server.folder}/state/exports/tank/other`)
      .catch(() => undefined);
    await server.start();
    expect((await sh(first, `cat ${path}/file`)).trim()).toBe('meanwhile');
    expect((await exportsOf()).filter((line) => line.includes('/exports/tank/other'))).toEqual([]);
    await outOfPod(first, volume);
    await detach(server, volume, first);
    await remove(server, volume);
  }, 120_000);
});
