import { describeBackend } from '../backends/conformance.ts';
import { makeLvmPool } from './support-lvm.ts';

const MIB = 1024 ** 2;

const RUNS = [
  { type: 'thin', content: 'ext4', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB },
  { type: 'thin', content: 'block', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB },
  { type: 'thick', content: 'ext4', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB },
  { type: 'thin', content: 'xfs', sizeBytes: 304 * MIB, poolBytes: 24 * 1024 * MIB },
] as const;

for (const { type, content, sizeBytes, poolBytes } of RUNS) {
  describeBackend(`lvm, ${type}, ${content}`, {
    makePool: () => makeLvmPool(type, poolBytes, content === 'xfs' ? 'xfs' : 'ext4'),
    access: content === 'block' ? { type: 'block' } : { type: 'mount', fsType: content },
    sizeBytes,
  });
}
