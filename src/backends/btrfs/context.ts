import type { Btrfs } from '../../host/btrfs.ts';
import type { Host } from '../../host/host.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces, type Places } from '../places.ts';
import { createShared } from './commits.ts';
import { removeSubvolumes } from './remove.ts';
import type { BtrfsSettings } from './settings.ts';

/** What the parts of one btrfs pool's backend share. */
export interface BtrfsPool {
  readonly settings: BtrfsSettings;
  readonly host: Host;
  readonly btrfs: Btrfs;
  readonly log: BackendLog;
  readonly places: Places;
  /** Qgroups that have no use any more, but still count something: tried again at each purge. */
  readonly leftQgroups: Set<number>;
  /** Set by what may have left full quotas wrong since the last count began. */
  readonly recounts: { due: boolean };
  /** Writes the running transaction; callers at the same time share one. */
  readonly commit: () => Promise<void>;
}

export function createBtrfsPool(settings: BtrfsSettings, host: Host, log: BackendLog): BtrfsPool {
  const leftQgroups = new Set<number>();
  const { btrfs, files } = host;
  const removeFolder = (path: string, signal: AbortSignal) =>
    removeSubvolumes({ host, poolPath: settings.path, leftQgroups }, path, signal);
  const places = createPlaces(settings.path, '', { files, log, removeFolder });
  const commit = createShared(() => btrfs.commit(settings.path));
  return { settings, host, btrfs, log, places, leftQgroups, recounts: { due: true }, commit };
}
