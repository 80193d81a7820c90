import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { MountEntry } from '../../host/mounts.ts';

/** An active logical volume's block device. */
export interface Device {
  readonly path: string; // /dev/dm-7: devtmpfs makes it, also where no udev runs
  readonly number: string; // major:minor
}

/** Looks for active logical volumes in sysfs: no command is run, and the kernel is the truth. */
export interface Devices {
  /** undefined where it is not active */
  find(lvName: string): Promise<Device | undefined>;
  /** The mounts of its file system, staged before published. */
  mounts(device: Device): Promise<MountEntry[]>;
}

const SYS_BLOCK = '/sys/block';
const MAX_BYTES = 512;

export function createDevices(group: string, { files, mounts }: Pick<Host, 'files' | 'mounts'>): Devices {
  /** Where each was seen last: looked at first. */
  const hints = new Map<string, string>();

  /** undefined where the device is missing, or went away between the opening and the reading (ENODEV) */
  async function attribute(node: string, name: string): Promise<string | undefined> {
    try {
      return (await files.read(join(SYS_BLOCK, node, name), MAX_BYTES))?.trim();
    } catch (error) {
      if (errnoOf(error) === 'ENODEV') return undefined;
      throw error;
    }
  }

  async function findNode(dmName: string): Promise<string | undefined> {
    const hint = hints.get(dmName);
    if (hint !== undefined && (await attribute(hint, 'dm/name')) === dmName) return hint;
    hints.delete(dmName);
    for (const node of await files.list(SYS_BLOCK)) {
      if (!node.startsWith('dm-') || (await attribute(node, 'dm/name')) !== dmName) continue;
      hints.set(dmName, node);
      return node;
    }
    return undefined;
  }

  return {
    async find(lvName) {
      const node = await findNode(deviceMapperName(group, lvName));
      if (node === undefined) return undefined;
      const number = await attribute(node, 'dev');
      return number === undefined ? undefined : { path: `/dev/${node}`, number };
    },
    async mounts(device) {
      const { entries } = await mounts.table();
      // A raw block volume is a bind of the device's node: that lies on devtmpfs, so it is no mount of this device.
      return entries.filter((entry) => entry.device === device.number);
    },
  };
}

/** The name that LVM gives its device: hyphens within a name are doubled (lvm(8), "VALID NAMES"). */
export function deviceMapperName(group: string, lvName: string): string {
  return [group, lvName].map((name) => name.replaceAll('-', '--')).join('-');
}
