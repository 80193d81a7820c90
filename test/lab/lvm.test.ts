import { describeBackend } from '../backends/conformance.ts';
import { makeLvmPool } from './support-lvm.ts';

const MIB = 1024 ** 2;
const isFull = process.env.STOWAGE_CONFORMANCE === 'full';

// Commands of LVM take their time here: what another run, or another test of this folder, tries in nearly the same way is left to full runs.
const RUNS = [
  { type: 'thin', content: 'ext4', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB, parts: undefined, isLong: true },
  { type: 'thick', content: 'ext4', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB, parts: ['plan'], isLong: false },
  { type: 'thin', content: 'block', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB, parts: ['size'], isLong: true },
  // XFS volumes take 64 MiB each when they are made: the guest's memory has no room for those of all parts.
  { type: 'thin', content: 'xfs', sizeBytes: 304 * MIB, poolBytes: 16_384 * MIB, parts: ['size'], isLong: true },
] as const;

for (const { type, content, sizeBytes, poolBytes, parts, isLong } of RUNS) {
  if (isLong && !isFull) continue;
  describeBackend(`lvm, ${type}, ${content}`, {
    makePool: () => makeLvmPool(type, poolBytes, content === 'xfs' ? 'xfs' : 'ext4'),
    access: content === 'block' ? { type: 'block' } : { type: 'mount', fsType: content },
    sizeBytes,
    ...(parts === undefined ? {} : { parts }),
    poolForEachPart: content === 'xfs',
  });
}
