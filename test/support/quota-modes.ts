import { release } from 'node:os';

const [major = 0, minor = 0] = release().split('.').map(Number);

/** The ways in which btrfs of this kernel counts: simple quotas came with Linux 6.7. */
export const QUOTA_MODES: readonly ('simple' | 'full')[] =
  major > 6 || (major === 6 && minor >= 7) ? ['simple', 'full'] : ['full'];
