import type { PoolConfig } from '../config/schema.ts';
import type { Host } from '../host/host.ts';

/** The kernel names mounts and the files of loop devices by paths without links. The pool's own folder must be none (`identifyPool`). */
export function withResolvedPaths(host: Host, configs: readonly PoolConfig[]): Promise<PoolConfig[]> {
  return Promise.all(configs.map(async (pool) => ({ ...pool, path: await host.files.resolveParent(pool.path) })));
}
