import type { Item } from '../backends/backend.ts';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import type { Pool } from '../pools/pool.ts';
import type { Room } from '../pools/room.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Catalog } from './catalog.ts';
import type { Exports } from './exports.ts';
import type { Guard } from './guard.ts';
import type { Jobs } from './jobs.ts';
import type { Locks } from './locks.ts';
import type { Shares } from './shares.ts';
import type { Statics } from './static/statics.ts';
import type { Store } from './store.ts';
import type { Trash } from './trash.ts';
import type { Turns } from './turns.ts';

/** A pool with what the domain keeps for it. */
export interface ManagedPool extends Pool {
  /** The machine as this pool is reached: a share's files are reached through a process of their own. */
  readonly host: Host;
  /** True if any node can have its volumes: they are on a share, or exported. */
  readonly isNetworked: boolean;
  readonly room: Room;
  readonly trash: Trash;
  readonly guard: Guard;
  /** All that has a record in the pool, as its backend sees it. */
  items(): Item[];
  /** Plans are made one after another, each until it has its record: no two get one project id or one disk. */
  readonly turns: Turns;
}

/** What every operation works with; made once at start (`driver.ts`), passed in, never global. */
export interface Context {
  readonly host: Host;
  readonly log: Logger;
  readonly config: Config;
  readonly nodeId: string;
  readonly nodeHash: string;
  readonly topologyKey: string;
  readonly topologyValue: string;
  readonly catalog: Catalog;
  readonly store: Store;
  readonly locks: Locks;
  readonly jobs: Jobs;
  readonly statics: Statics;
  readonly pools: ReadonlyMap<string, ManagedPool>;
  /** Of the NFS driver, whose pools they are. */
  readonly shares: Shares | undefined;
  /** Of an NFS driver with pools of its own. */
  readonly exports: Exports | undefined;
  /** Hashes of pools that this node remembers but that its config does not name. */
  readonly unconfiguredPoolHashes: ReadonlyMap<string, string>; // to the pool's name
}
