import { describePowerCuts } from '../faults/power-cuts.ts';

// Project quotas are what only the lab has for certain.
for (const kind of ['xfs-quota', 'ext4-quota'] as const) describePowerCuts(kind, { backend: 'directory' });
