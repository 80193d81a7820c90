import { describeBackend } from '../backends/conformance.ts';
import { makeLvmPool } from './support-lvm.ts';

const MIB = 1024 ** 2;

// Commands of LVM take their time here: what another run has tried in the same way is left out.
const RUNS = [
  {
    type: 'thin',
    content: 'ext4',
    sizeBytes: 32 * MIB,
    poolBytes: 3072 * MIB,
    parts: ['lifecycle', 'copies', 'size', 'recovery'],
  },
  { type: 'thin', content: 'block', sizeBytes: 32 * MIB, poolBytes: 3072 * MIB, parts: ['size'] },
  {
    type: 'thick',
    content: 'ext4',
    sizeBytes: 32 * MIB,
    poolBytes: 3072 * MIB,
    parts: ['size'],
  },
  // XFS volumes take 64 MiB each when they are made, and the thin pool, in the guest's memory, gives nothing back.
  { type: 'thin', content: 'xfs', sizeBytes: 304 * MIB, poolBytes: 960 * MIB, parts: ['size'] },
] as const;

for (const { type, content, sizeBytes, poolBytes, parts } of RUNS) {
  describeBackend(`lvm, ${type}, ${content}${parts === undefined ? '' : `: ${parts.join(', ')}`}`, {
    makePool: () => makeLvmPool(type, poolBytes, content === 'xfs' ? 'xfs' : 'ext4'),
    access: content === 'block' ? { type: 'block' } : { type: 'mount', fsType: content },
    sizeBytes,
    ...(parts === undefined ? {} : { parts }),
  });
}
