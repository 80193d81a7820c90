import type { Host } from '../../host/host.ts';
import type { Places } from '../places.ts';
import type { DirectorySettings } from './settings.ts';

/** What the parts of one directory pool's backend share. */
export interface DirectoryPool {
  readonly settings: DirectorySettings;
  readonly host: Host;
  readonly places: Places;
  /** See Backend.isJournaled. */
  readonly isJournaled: () => Promise<boolean>;
}
