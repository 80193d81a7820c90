import type { Host } from '../../host/host.ts';
import type { BackendLog } from '../log.ts';
import type { Places } from '../places.ts';
import type { ReadStart } from './read-start.ts';
import type { ImageSettings } from './settings.ts';

/** What the functions of the image backend work with. */
export interface ImagePool {
  readonly settings: ImageSettings;
  readonly host: Host;
  readonly log: BackendLog;
  readonly places: Places;
  /** True if files of this pool can be cloned (FICLONE): found out once. */
  readonly canClone: () => Promise<boolean>;
  readonly readStart: ReadStart;
}
