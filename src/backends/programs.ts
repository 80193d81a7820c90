import { join } from 'node:path';
import { searchPath } from '../host/command.ts';
import type { Host } from '../host/host.ts';

/** Debian's package of each program that backends may run. */
const PACKAGES = {
  blkdiscard: 'util-linux',
  blkid: 'util-linux',
  blockdev: 'util-linux',
  fallocate: 'util-linux',
  fsfreeze: 'util-linux',
  wipefs: 'util-linux',
  lvcreate: 'lvm2',
  lvremove: 'lvm2',
  lvs: 'lvm2',
  mount: 'mount',
  umount: 'mount',
  losetup: 'mount',
  'mount.nfs': 'nfs-common',
  exportfs: 'nfs-kernel-server',
  'rpc.nfsd': 'nfs-kernel-server',
  'rpc.mountd': 'nfs-kernel-server',
  find: 'findutils',
  cmp: 'diffutils',
  cp: 'coreutils',
  dd: 'coreutils',
  du: 'coreutils',
  rm: 'coreutils',
  stat: 'coreutils',
  sync: 'coreutils',
  'mkfs.ext4': 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  chattr: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
} as const;

export type Program = keyof typeof PACKAGES;

/** Remarks for Backend.check: one for each program that is nowhere on the path where commands are looked for. */
export async function missingPrograms({ files }: Host, programs: readonly Program[]): Promise<string[]> {
  const folders = searchPath().split(':');
  const remarks: string[] = [];
  for (const program of programs) {
    const found = await Promise.all(folders.map((folder) => files.stat(join(folder, program))));
    if (found.every((file) => file === undefined))
      remarks.push(`program ${program} is missing: install ${PACKAGES[program]}`);
  }
  return remarks;
}

const FORMATS = { ext4: ['mkfs.ext4', 'resize2fs'], xfs: ['mkfs.xfs', 'xfs_growfs'] } as const;

/** The same for what makes and grows file systems; the ones that nobody has to choose are a note. */
export async function missingFormats(host: Host, usual: keyof typeof FORMATS): Promise<string[]> {
  const other = usual === 'xfs' ? 'ext4' : 'xfs';
  const [needed, wanted] = await Promise.all([
    missingPrograms(host, FORMATS[usual]),
    missingPrograms(host, FORMATS[other]),
  ]);
  return [...needed, ...wanted.map((remark) => `note: ${remark}, for volumes with ${other}`)];
}
