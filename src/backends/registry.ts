import type { Host } from '../host/host.ts';
import type { Backend } from './backend.ts';
import { createDirectoryBackend } from './directory/backend.ts';
import type { DirectorySettings } from './directory/settings.ts';
import { createImageBackend } from './image/backend.ts';
import type { ImageSettings } from './image/settings.ts';
import type { BackendLog } from './log.ts';

/** What backends take from a pool's config. */
export type BackendConfig =
  | ({ readonly backend: 'directory' } & DirectorySettings)
  | ({ readonly backend: 'image' } & ImageSettings);

/** The backend that keeps this pool's volumes. It touches nothing before its first call. */
export function createBackend(config: BackendConfig, deps: { host: Host; log: BackendLog }): Backend {
  switch (config.backend) {
    case 'directory':
      return createDirectoryBackend(config, deps);
    case 'image':
      return createImageBackend(config, deps);
  }
}
