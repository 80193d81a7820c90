import type { Wish } from '../../src/backends/backend.ts';
import { makePool, type PoolKind } from '../support/pools.ts';
import { imageConfig } from './configs.ts';
import { describeBackend, type Part } from './conformance.ts';

const MIB = 1024 ** 2;

/** Each content on each file system, where it makes a difference: on XFS all, elsewhere how it is copied. */
const POOLS: readonly { kind: PoolKind; parts?: readonly Part[] }[] = [
  { kind: 'xfs' },
  { kind: 'btrfs', parts: ['copies'] },
  { kind: 'ext4', parts: ['copies'] },
];
const CONTENTS: readonly { name: string; access: Wish['access']; sizeBytes: number; parts?: readonly Part[] }[] = [
  { name: 'mounted as ext4', access: { type: 'mount', fsType: 'ext4' }, sizeBytes: 64 * MIB },
  { name: 'mounted as xfs', access: { type: 'mount', fsType: 'xfs' }, sizeBytes: 320 * MIB, parts: ['copies', 'size'] },
  { name: 'raw block', access: { type: 'block' }, sizeBytes: 48 * MIB, parts: ['lifecycle', 'copies', 'size'] },
];

for (const { kind, parts } of POOLS) {
  for (const { name, access, sizeBytes, parts: ownParts } of CONTENTS) {
    describeBackend(`image on ${kind}, ${name}`, {
      makePool: async () => {
        const pool = await makePool(kind, 8 * 1024 * MIB);
        return { config: imageConfig(pool.path), cleanup: pool.cleanup };
      },
      access,
      sizeBytes,
      ...partsOf(parts ?? ownParts),
    });
  }
}

describeBackend('image, preallocated, on xfs with sectors of 4096 bytes', {
  makePool: async () => {
    const pool = await makePool('xfs', 16 * 1024 * MIB);
    return { config: imageConfig(pool.path, { preallocate: true, blockSizeBytes: 4096 }), cleanup: pool.cleanup };
  },
  access: { type: 'mount', fsType: 'xfs' },
  sizeBytes: 320 * MIB,
  parts: ['size'],
});

function partsOf(parts: readonly Part[] | undefined) {
  return parts === undefined ? {} : { parts };
}
