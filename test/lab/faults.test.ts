import { describeEveryCall } from '../faults/every-call.ts';
import { describeKills } from '../faults/kill-each.ts';
import { LAB_BACKEND_NAMES } from '../faults/place.ts';
import { SCENARIOS } from '../faults/scenarios.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const isWhole = isFull || process.env.STOWAGE_LAB === 'full';
/** LVM's commands take long here: outside of full runs of the lab one in so many scenarios is tried, and none where it is 0. */
const SCENARIOS_EACH = { 'directory with quotas': 30, lvm: 22, 'thick lvm': 0 } as const;

for (const name of LAB_BACKEND_NAMES) {
  const each = SCENARIOS_EACH[name];
  const tried = SCENARIOS[name].filter((_scenario, index) => isWhole || (each > 0 && index % each === 0));
  if (tried.length > 0) describeEveryCall(name, tried);
  if (isFull) describeKills(name, 'one of each scenario');
}
