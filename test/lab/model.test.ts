import { backend } from '../model/backends.ts';
import { describeModel } from '../model/describe.ts';

const ENFORCED = {
  kind: 'xfs-quota',
  sizeBytes: 1024 ** 3,
  config: { backend: 'directory' },
  volumeBytes: 1024 ** 2,
} as const;

describeModel(backend('directory with quotas', ENFORCED, ENFORCED), Number(process.env.STOWAGE_MODEL_RUNS ?? 2));
