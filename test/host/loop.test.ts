import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, open, readFile, rename, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCommands } from '../../src/host/command.ts';
import { createLoops, type LoopDevice } from '../../src/host/loop.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { makePool } from '../support/pools.ts';

const execute = promisify(execFile);
const MIB = 1024 ** 2;
const SIZE_BYTES = 32 * MIB;
const writable = { blockSizeBytes: 512, readOnly: false };
const mounts = createMounts(createCommands());

describe('loop devices', () => {
  let folder: string;
  let image: string;
  let loops: ReturnType<typeof createLoops>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-loop-'));
    image = await makeImage('disk.img');
    loops = createLoops(mounts);
  });

  afterEach(async () => {
    const mountPoint = join(folder, 'mnt');
    if ((await mounts.table()).at(mountPoint) !== undefined) await execute('umount', [mountPoint]);
    for (const device of await ours()) await execute('losetup', ['-d', device.path]);
    await rm(folder, { recursive: true });
  });

  async function makeImage(name: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, '');
    await truncate(path, SIZE_BYTES);
    return path;
  }

  async function ours(): Promise<LoopDevice[]> {
    return (await createLoops(mounts).list()).filter((device) => device.backingFile.startsWith(`${folder}/`));
  }

  async function sysfs(device: LoopDevice, name: string): Promise<string> {
    return (await readFile(`/sys/block/${basename(device.path)}/${name}`, 'utf8')).trim();
  }

  async function mountExt4(device: LoopDevice): Promise<string> {
    const mountPoint = join(folder, 'mnt');
    await mkdir(mountPoint);
    await execute('mkfs.ext4', ['-q', device.path]);
    await execute('mount', [device.path, mountPoint]);
    return mountPoint;
  }

  describe('attach', () => {
    it('gives a device of the block size that stays when nobody has it open', async () => {
      const device = await loops.attach(image, { blockSizeBytes: 4096, readOnly: false });
      expect(device).toEqual({
        path: expect.stringMatching(/^\/dev\/loop\d+$/),
        number: expect.any(String),
        backingFile: image,
      });
      expect(device.number).toBe(await sysfs(device, 'dev'));
      expect(await sysfs(device, 'queue/logical_block_size')).toBe('4096');
      expect(await sysfs(device, 'loop/autoclear')).toBe('0');
      expect(Number(await sysfs(device, 'size')) * 512).toBe(SIZE_BYTES);
      expect(await ours()).toEqual([device]);
    });

    it('reads and writes with direct I/O where the file system has it', async () => {
      const pool = await makePool('xfs', 320 * MIB);
      const file = join(pool.path, 'disk.img');
      try {
        await writeFile(file, '');
        await truncate(file, SIZE_BYTES);
        expect(await sysfs(await loops.attach(file, writable), 'loop/dio')).toBe('1');
      } finally {
        await loops.detach(file);
        await pool.cleanup();
      }
    });

    it('reads and writes with buffers where the file system has no direct I/O', async () => {
      const ramfs = join(folder, 'mnt');
      await mkdir(ramfs);
      await execute('mount', ['-t', 'ramfs', 'ramfs', ramfs]);
      const file = join(ramfs, 'disk.img');
      await writeFile(file, '');
      await truncate(file, SIZE_BYTES);
      try {
        expect(await sysfs(await loops.attach(file, writable), 'loop/dio')).toBe('0');
      } finally {
        await loops.detach(file);
      }
    });

    it('returns the device that has the file already, also by another name', async () => {
      const device = await loops.attach(image, writable);
      await link(image, join(folder, 'other.img'));
      expect(await loops.attach(image, writable)).toEqual(device);
      expect(await createLoops(mounts).attach(join(folder, 'other.img'), writable)).toEqual(device);
      expect(await ours()).toHaveLength(1);
    });

    it('gives one device to all who attach a file at the same time', async () => {
      const devices = await Promise.all(Array.from({ length: 8 }, () => loops.attach(image, writable)));
      expect(new Set(devices.map((device) => device.path)).size).toBe(1);
      expect(await ours()).toHaveLength(1);
    });

    it('finds a free device for each when others race for them', async () => {
      const images = await Promise.all(Array.from({ length: 6 }, (_, index) => makeImage(`race-${index}.img`)));
      const devices = await Promise.all(images.map((each) => createLoops(mounts).attach(each, writable)));
      expect(devices.map((device) => device.backingFile)).toEqual(images);
    });

    it('reaches the file through an open folder', async () => {
      const handle = await open(folder);
      try {
        const path = `/proc/${process.pid}/fd/${handle.fd}/disk.img`;
        const device = await loops.attach(path, writable);
        expect(device.backingFile).toBe(image);
        expect(await loops.find(path)).toEqual(device);
        await loops.detach(path);
      } finally {
        await handle.close();
      }
      expect(await ours()).toEqual([]);
    });

    it('attaches read-only', async () => {
      const device = await loops.attach(image, { ...writable, readOnly: true });
      expect(await loops.isReadOnly(device.path)).toBe(true);
    });

    it('makes the device node where /dev lacks it', async () => {
      const device = await loops.attach(image, writable);
      await loops.detach(image);
      await unlink(device.path);
      const again = await loops.attach(image, writable);
      const node = await stat(device.path);
      expect([again.path, node.isBlockDevice()]).toEqual([device.path, true]);
    });

    it('refuses what is no regular file, and says what is missing', async () => {
      await expect(loops.attach(folder, { ...writable, readOnly: true })).rejects.toMatchObject({
        code: 'precondition',
      });
      await expect(loops.attach(join(folder, 'none'), writable)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  describe('find', () => {
    it('knows a file by its device and inode, not by its path', async () => {
      const device = await loops.attach(image, writable);
      const moved = join(folder, 'moved.img');
      await rename(image, moved);
      await makeImage('disk.img');
      expect(await loops.find(image)).toBeUndefined();
      expect(await loops.find(moved)).toEqual({ ...device, backingFile: moved });
      expect(await createLoops(mounts).find(moved)).toEqual({ ...device, backingFile: moved });
    });

    it('sees what others attached and detached', async () => {
      const { stdout } = await execute('losetup', ['--find', '--show', image]);
      expect((await loops.find(image))?.path).toBe(stdout.trim());
      await execute('losetup', ['-d', stdout.trim()]);
      expect(await loops.find(image)).toBeUndefined();
    });

    it('sees a device that was given to another file meanwhile', async () => {
      const other = await makeImage('other.img');
      const device = await loops.attach(image, writable);
      expect((await loops.find(image))?.path).toBe(device.path);
      await execute('losetup', ['-d', device.path]);
      await execute('losetup', [device.path, other]);
      expect(await loops.find(image)).toBeUndefined();
      expect((await loops.find(other))?.path).toBe(device.path);
    });

    it('finds nothing for a file that is not attached or missing', async () => {
      expect(await loops.find(image)).toBeUndefined();
      expect(await loops.find(join(folder, 'none'))).toBeUndefined();
      expect(await loops.find(join(image, 'below'))).toBeUndefined();
    });
  });

  describe('detach', () => {
    it('detaches, and does nothing again or for a missing file', async () => {
      await loops.attach(image, writable);
      await loops.detach(image);
      expect(await ours()).toEqual([]);
      await loops.detach(image);
      await loops.detach(join(folder, 'none'));
    });

    it('says where the device is mounted, and leaves it attached', async () => {
      const device = await loops.attach(image, writable);
      const mountPoint = await mountExt4(device);
      await expect(loops.detach(image)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringContaining(mountPoint),
      });
      expect(await sysfs(device, 'loop/autoclear')).toBe('0');
    });

    it('says that it is still open; attach then keeps it', async () => {
      const device = await loops.attach(image, writable);
      const user = await open(device.path);
      try {
        await expect(loops.detach(image)).rejects.toMatchObject({ code: 'busy' });
        expect(await loops.attach(image, writable)).toEqual(device);
      } finally {
        await user.close();
      }
      expect(await ours()).toEqual([device]);
    });
  });

  it('resize takes over the new size of the file', async () => {
    const device = await loops.attach(image, writable);
    await truncate(image, 2 * SIZE_BYTES);
    await loops.resize(image);
    expect(Number(await sysfs(device, 'size')) * 512).toBe(2 * SIZE_BYTES);
    await loops.detach(image);
    await expect(loops.resize(image)).rejects.toMatchObject({ code: 'precondition' });
  });

  it('setReadOnly refuses writes, and allows them again', async () => {
    const device = await loops.attach(image, writable);
    await loops.setReadOnly(device.path, true);
    expect(await loops.isReadOnly(device.path)).toBe(true);
    await expect(writeFile(device.path, 'text')).rejects.toThrow();
    await loops.setReadOnly(device.path, false);
    expect(await loops.isReadOnly(device.path)).toBe(false);
    await writeFile(device.path, 'text', { flag: 'r+' });
  });
});
