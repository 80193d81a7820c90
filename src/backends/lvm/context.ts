import type { Host } from '../../host/host.ts';
import type { BackendLog } from '../log.ts';
import type { Places } from '../places.ts';
import type { Devices } from './devices.ts';
import type { LvmSettings } from './settings.ts';
import type { VolumeGroup } from './volume-group.ts';

/** What the functions of the LVM backend work with. */
export interface LvmPool {
  readonly settings: LvmSettings;
  readonly host: Host;
  readonly log: BackendLog;
  readonly group: VolumeGroup;
  readonly devices: Devices;
  readonly places: Places; // of the folder, which holds no data
}

/** How long a step without a signal of its own may take, its turn among the commands included. */
export const STEP_TIMEOUT_MS = 60_000;
