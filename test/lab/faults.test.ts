import { describeEveryCall } from '../faults/every-call.ts';
import { describeKills } from '../faults/kill-each.ts';
import { LAB_BACKEND_NAMES } from '../faults/place.ts';
import { SCENARIOS } from '../faults/scenarios.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
/** LVM's commands take long here: outside of full runs one in so many scenarios is tried. */
const SCENARIOS_EACH = { 'directory with quotas': 30, lvm: 22 } as const;

for (const name of LAB_BACKEND_NAMES) {
  describeEveryCall(
    name,
    SCENARIOS[name].filter((_scenario, index) => isFull || index % SCENARIOS_EACH[name] === 0),
  );
  if (isFull) describeKills(name, 'one of each scenario');
}
