import { readFile, stat } from 'node:fs/promises';
import { StowageError } from '../errors.ts';
import { deviceNumber } from './disks.ts';
import { attach, type LoopOptions } from './loop-attach.ts';
import { detach } from './loop-detach.ts';
import { type LoopDevice, list } from './loop-devices.ts';
import { createLoopState, find, type LoopState } from './loop-find.ts';
import { setCapacity, setDeviceReadOnly } from './loop-ioctl.ts';
import type { Mounts } from './mounts.ts';

export type { LoopDevice, LoopOptions };

/** Loop devices (loop(4), LOOP_CONFIGURE). A file's identity is its device and inode, not its path. */
export interface Loops {
  /** The device that has this file attached; undefined where there is none or the file is missing. */
  find(file: string): Promise<LoopDevice | undefined>;
  /** Every attached loop device, from sysfs. */
  list(): Promise<LoopDevice[]>;
  /** Attaches the file with direct I/O (buffered where its file system refuses that), or returns the device that has it already. Takes a free device, also when others race for it. */
  attach(file: string, options: LoopOptions): Promise<LoopDevice>;
  /** Detaches (LOOP_CLR_FD) and makes sure that it is gone: 'busy' StowageError where something still has the device open or mounted. Nothing where it is not attached. */
  detach(file: string): Promise<void>;
  /** Tells the device its file's new size (LOOP_SET_CAPACITY). */
  resize(file: string): Promise<void>;
  /** Makes a block device (/dev/loop7, /dev/sdb1) read-only or writable (BLKROSET); a loop device attached read-only stays so: EACCES. */
  setReadOnly(device: string, readOnly: boolean): Promise<void>;
  /** True if the block device refuses writes, as sysfs says. */
  isReadOnly(device: string): Promise<boolean>;
}

/** Creates the loop devices' side of the host. Only one process at a time may attach files of the same folder. */
export function createLoops(mounts: Mounts): Loops {
  const state = createLoopState();
  return {
    find: (file) => find(state, file),
    list,
    attach: (file, options) => attach(state, file, options),
    detach: (file) => detach(mounts, state, file),
    resize: (file) => resize(state, file),
    setReadOnly: setDeviceReadOnly,
    isReadOnly: async (device) => {
      const number = deviceNumber((await stat(device)).rdev); // partitions have no entry in /sys/block
      return (await readFile(`/sys/dev/block/${number}/ro`, 'utf8')).trim() === '1';
    },
  };
}

async function resize(state: LoopState, file: string): Promise<void> {
  const device = await find(state, file);
  if (device === undefined) throw new StowageError('precondition', `${file} cannot be resized: it is not attached`);
  await setCapacity(device.path);
}
