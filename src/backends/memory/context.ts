import type { Host } from '../../host/host.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { Item } from '../backend.ts';
import type { Places } from '../places.ts';
import type { MemorySettings } from './settings.ts';

/** What the parts of one memory pool's backend share. */
export interface MemoryPool {
  readonly settings: MemorySettings;
  readonly host: Host;
  readonly places: Places;
}

/** The volume's own tmpfs; undefined where it is not there: never made, or lost at a restart of the node. */
export async function memoryOf({ host, places }: MemoryPool, item: Item): Promise<MountEntry | undefined> {
  const mount = (await host.mounts.table()).at(places.path(item));
  return mount?.fsType === 'tmpfs' && mount.root === '/' ? mount : undefined;
}

/** Words for what has happened to a volume whose record is there and whose memory is not. */
export const LOST =
  'its memory is missing: it was lost at the last restart of the node; delete the claim, and make a new one';
