import type { Host } from '../host/host.ts';
import { type CopyMetrics, noMetrics } from '../telemetry/metrics.ts';
import type { Backend } from './backend.ts';
import { createBtrfsBackend } from './btrfs/backend.ts';
import type { BtrfsSettings } from './btrfs/settings.ts';
import { createDirectoryBackend } from './directory/backend.ts';
import type { DirectorySettings } from './directory/settings.ts';
import { createDiskBackend } from './disk/backend.ts';
import type { DiskSettings } from './disk/settings.ts';
import { createImageBackend } from './image/backend.ts';
import type { ImageSettings } from './image/settings.ts';
import type { BackendLog } from './log.ts';
import { createLvmBackend } from './lvm/backend.ts';
import type { LvmSettings } from './lvm/settings.ts';
import { createMemoryBackend } from './memory/backend.ts';
import type { MemorySettings } from './memory/settings.ts';
import { createShareBackend } from './share/backend.ts';
import type { ShareSettings } from './share/settings.ts';

/** What backends take from a pool's config. */
export type BackendConfig =
  | ({ readonly backend: 'directory' } & DirectorySettings)
  | ({ readonly backend: 'image' } & ImageSettings)
  | ({ readonly backend: 'btrfs' } & BtrfsSettings)
  | ({ readonly backend: 'lvm' } & LvmSettings)
  | ({ readonly backend: 'disk' } & DiskSettings)
  | ({ readonly backend: 'memory' } & MemorySettings)
  | ({ readonly backend: 'share' } & ShareSettings);

/** The backend that keeps this pool's volumes. It touches nothing before its first call. */
export function createBackend(
  config: BackendConfig,
  deps: { host: Host; log: BackendLog; metrics?: CopyMetrics },
): Backend {
  switch (config.backend) {
    case 'directory':
      return createDirectoryBackend(config, deps);
    case 'image':
      return createImageBackend(config, deps);
    case 'disk':
      return createDiskBackend(config, deps);
    case 'btrfs':
      return createBtrfsBackend(config, deps);
    case 'lvm':
      return createLvmBackend(config, deps);
    case 'memory':
      return createMemoryBackend(config, deps);
    case 'share':
      return createShareBackend(config, { metrics: noMetrics, ...deps });
  }
}
