import { backend } from '../model/backends.ts';
import { describeModel } from '../model/describe.ts';
import { THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';

const MIB = 1024 ** 2;
const RUNS = process.env.STOWAGE_MODEL_RUNS;

const ENFORCED = {
  kind: 'xfs-quota',
  sizeBytes: 1024 * MIB,
  config: { backend: 'directory' },
  volumeBytes: MIB,
} as const;
const LVM = {
  kind: 'lvm-thin',
  sizeBytes: 1024 * MIB,
  config: { backend: 'lvm', thinPool: THIN_POOL },
  keysOf: (path: string) => ({ volumeGroup: volumeGroupOf(path) }),
  volumeBytes: 16 * MIB,
} as const;

describeModel(backend('directory with quotas', ENFORCED, ENFORCED), Number(RUNS ?? 1));
if (RUNS !== undefined) describeModel(backend('lvm, thin', LVM, LVM), Number(RUNS)); // its commands take long here
