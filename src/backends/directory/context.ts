import type { Host } from '../../host/host.ts';
import type { Places } from '../places.ts';
import type { DirectorySettings } from './settings.ts';

/** What the parts of one directory pool's backend share. */
export interface DirectoryPool {
  readonly settings: DirectorySettings;
  readonly host: Host;
  readonly places: Places;
  /**
   * True on ext4 and XFS, whose one journal keeps the order of changes: a new folder is durable as soon as the record that is written
   * after it. btrfs writes each on its own.
   */
  isJournaled(): Promise<boolean>;
}

export function createDirectoryPool(settings: DirectorySettings, host: Host, places: Places): DirectoryPool {
  let answer: boolean | undefined;
  return {
    settings,
    host,
    places,
    async isJournaled() {
      answer ??= ['ext', 'xfs'].includes((await host.files.statfs(settings.path)).type);
      return answer;
    },
  };
}
