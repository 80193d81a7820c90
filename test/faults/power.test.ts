import { describePowerCuts } from './power-cuts.ts';

for (const kind of ['xfs', 'ext4'] as const) {
  describePowerCuts(kind, { backend: 'directory', quota: 'advisory' });
  describePowerCuts(kind, { backend: 'image' });
}
