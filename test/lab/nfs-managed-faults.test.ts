import { describeEveryCall } from '../faults/every-call.ts';
import { describeEveryStart } from '../faults/every-start.ts';
import { describeKills } from '../faults/kill-each.ts';
import { SERVED_BACKEND_NAMES } from '../faults/place.ts';
import { SCENARIOS } from '../faults/scenarios.ts';
import { servedHalfDone } from '../faults/served-start.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const isWhole = isFull || process.env.STOWAGE_LAB === 'full';
/** Outside of full runs of the lab the first so many scenarios are tried. */
const TRIED = { 'served directory': 2, 'served btrfs': 0 } as const;

for (const name of SERVED_BACKEND_NAMES) {
  const tried = SCENARIOS[name].slice(0, isWhole ? undefined : TRIED[name]);
  if (tried.length > 0) describeEveryCall(name, tried);
  if (isWhole) describeEveryStart(name, ['folder'], servedHalfDone);
  if (isFull) describeKills(name, 'one of each scenario');
}
