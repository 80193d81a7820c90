import type { PoolConfig } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Backend } from './backend.ts';
import { createDirectoryBackend } from './directory/backend.ts';
import { createImageBackend } from './image/backend.ts';

/** The backend that keeps this pool's volumes. It touches nothing before its first call. */
export function createBackend(config: PoolConfig, deps: { host: Host; log: Logger }): Backend {
  switch (config.backend) {
    case 'directory':
      return createDirectoryBackend(config, deps);
    case 'image':
      return createImageBackend(config, deps);
  }
}
