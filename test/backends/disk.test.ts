import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Wish } from '../../src/backends/backend.ts';
import { makeDisks } from '../support/pools.ts';
import { diskConfig } from './configs.ts';
import { describeBackend, type Part } from './conformance.ts';

const MIB = 1024 ** 2;
const DISKS = 36;
const DISK_BYTES = 320 * MIB;

const RAW: readonly { name: string; access: Wish['access']; parts?: readonly Part[] }[] = [
  { name: 'raw block', access: { type: 'block' } },
  { name: 'mounted as ext4', access: { type: 'mount', fsType: 'ext4' }, parts: ['lifecycle', 'size'] },
  { name: 'mounted as xfs', access: { type: 'mount', fsType: 'xfs' }, parts: ['size', 'recovery'] },
];

for (const { name, access, parts } of RAW) {
  describeBackend(`disk, ${name}`, {
    makePool: async () => {
      const { path, folder, cleanup } = await makeDisks('raw', DISKS, DISK_BYTES);
      const devices = (await readdir(folder)).map((link) => join(folder, link));
      return { config: diskConfig(path, { devices }), cleanup };
    },
    access,
    sizeBytes: DISK_BYTES,
    ...(parts === undefined ? {} : { parts }),
  });
}

describeBackend('disk, xfs mounted beforehand', {
  makePool: async () => {
    const { path, folder, cleanup } = await makeDisks('xfs', DISKS, DISK_BYTES);
    return { config: diskConfig(path, { discovery: folder }), cleanup };
  },
  access: { type: 'mount', fsType: undefined },
  sizeBytes: 200 * MIB, // less than the disks: XFS takes a part for its log
});
