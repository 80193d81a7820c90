import type { Registry } from 'prom-client';

/** How a driver's pools are at one moment. Bytes; what is not known is left out. */
export interface PoolSample {
  readonly name: string;
  readonly backend: string;
  /** Left out of shares, which are mounted when they are needed. */
  readonly isUp?: boolean | undefined;
  readonly sizeBytes?: number | undefined;
  readonly freeBytes?: number | undefined;
  readonly usedBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly promisedBytes: number;
  readonly trashItems: number;
  readonly copies: number;
}

export interface RecordCount {
  readonly pool: string;
  readonly kind: 'volume' | 'snapshot';
  readonly state: string;
  readonly count: number;
}

/** What a driver's domain knows when it is asked. */
export interface DriverSample {
  readonly pools: readonly PoolSample[];
  readonly records: readonly RecordCount[];
  readonly stuckMounts: number;
  readonly stuckProcesses: number;
}

type Show = (sample: DriverSample) => void;

/** The gauges of a sample: pools that have gone, and numbers that are not known, show nothing. */
export async function createGauges(registry: Registry): Promise<Show> {
  const { Gauge } = await import('prom-client');
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const ofPools = [
    ['up', 'Whether the pool can be used: 1, or 0 where its disk is away, foreign or does not answer.', isUp],
    ['size_bytes', 'The size of what the pool lies on.', (pool: PoolSample) => pool.sizeBytes],
    ['free_bytes', 'What is free on what the pool lies on.', (pool: PoolSample) => pool.freeBytes],
    ['used_bytes', "What the pool's volumes and snapshots take.", (pool: PoolSample) => pool.usedBytes],
    [
      'promised_bytes',
      'What the pool holds back for its volumes and snapshots.',
      (pool: PoolSample) => pool.promisedBytes,
    ],
    ['available_bytes', 'What the pool may still promise.', (pool: PoolSample) => pool.availableBytes],
    ['trash_items', 'Deleted volumes and snapshots that are not removed yet.', (pool: PoolSample) => pool.trashItems],
  ] as const;
  const pools = ofPools.map(([name, help, read]) => ({
    gauge: gauge(`stowage_pool_${name}`, help, ['pool', 'backend']),
    read,
  }));
  const copies = gauge(
    'stowage_copies_running',
    'Snapshots and volumes that are being filled from a source, by pool.',
    ['pool'],
  );
  const counts = {
    volume: gauge('stowage_volumes', "Volumes, by pool and by their record's state.", ['pool', 'state']),
    snapshot: gauge('stowage_snapshots', "Snapshots, by pool and by their record's state.", ['pool', 'state']),
  };
  const mounts = gauge(
    'stowage_stuck_mounts',
    'NFS mounts on this node whose server did not answer when last asked.',
    [],
  );
  const processes = gauge(
    'stowage_stuck_processes',
    'Children that cannot be killed: they wait for a disk or a server.',
    [],
  );

  return (sample) => {
    for (const { gauge: shown, read } of pools) {
      shown.reset();
      for (const pool of sample.pools) {
        const value = read(pool);
        if (value !== undefined) shown.set({ pool: pool.name, backend: pool.backend }, value);
      }
    }
    copies.reset();
    for (const pool of sample.pools) copies.set({ pool: pool.name }, pool.copies);
    for (const shown of Object.values(counts)) shown.reset();
    for (const { pool, kind, state, count } of sample.records) counts[kind].set({ pool, state }, count);
    mounts.set(sample.stuckMounts);
    processes.set(sample.stuckProcesses);
  };
}

function isUp(pool: PoolSample): number | undefined {
  return pool.isUp === undefined ? undefined : Number(pool.isUp);
}
