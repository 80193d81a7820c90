import type { Files } from '../../host/files.ts';
import { type Bounded, createBounded } from './bounded.ts';
import { createStaticRecords, type StaticRecords } from './records.ts';

/** What the driver keeps for static volumes: those that an administrator wrote, for paths of the host. */
export interface Statics {
  readonly records: StaticRecords;
  readonly bounded: Bounded;
}

export function createStatics(files: Files, stateDir: string): Statics {
  return { records: createStaticRecords(files, stateDir), bounded: createBounded() };
}
