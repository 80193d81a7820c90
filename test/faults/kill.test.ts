import { describeKills } from './kill-each.ts';
import { BACKEND_NAMES } from './place.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
for (const name of BACKEND_NAMES) describeKills(name, isFull ? 'all' : 'one of every fourth scenario');
