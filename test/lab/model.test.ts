import { backend } from '../model/backends.ts';
import { describeModel } from '../model/describe.ts';
import { logicalVolumes, THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';

const MIB = 1024 ** 2;
const RUNS = process.env.STOWAGE_MODEL_RUNS;
const isFull = RUNS !== undefined || process.env.STOWAGE_LAB === 'full';
const runs = Number(RUNS ?? (isFull ? 5 : 1));

const QUOTA = { sizeBytes: 1024 * MIB, config: { backend: 'directory' }, volumeBytes: MIB } as const;
const XFS = { kind: 'xfs-quota', ...QUOTA } as const;
const EXT4 = { kind: 'ext4-quota', ...QUOTA } as const;
const IMAGE = {
  kind: 'ext4-quota',
  sizeBytes: 1024 * MIB,
  config: { backend: 'image' },
  volumeBytes: 16 * MIB,
} as const;
const LVM = {
  sizeBytes: 1024 * MIB,
  keysOf: (path: string) => ({ volumeGroup: volumeGroupOf(path) }),
  volumeBytes: 16 * MIB,
  outside: async (path: string) => (await logicalVolumes(path)).filter((name) => name !== THIN_POOL),
};
const THIN = { ...LVM, kind: 'lvm-thin', config: { backend: 'lvm', thinPool: THIN_POOL } } as const;
const THICK = { ...LVM, kind: 'lvm-thick', config: { backend: 'lvm' } } as const;

describeModel(backend('directory with quotas', XFS, XFS), runs);
describeModel(backend('directory and image, on ext4 with quotas', EXT4, IMAGE), runs);
/** LVM's commands take a minute and more a sequence where the machine is busy. */
const LVM_RUN_MS = 180_000;
if (isFull) {
  describeModel(backend('directory with quotas, on ext4', EXT4, EXT4), runs);
  describeModel(backend('image, on ext4 with quotas', IMAGE, IMAGE), runs);
  describeModel(backend('lvm, thin', THIN, THIN), runs, LVM_RUN_MS);
  describeModel(backend('lvm, thick', THICK, THICK), runs, LVM_RUN_MS);
}
