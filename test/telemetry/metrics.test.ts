import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { createMetrics, serveMetrics } from '../../src/telemetry/metrics.ts';
import type { DriverSample } from '../../src/telemetry/sample.ts';

const SAMPLE: DriverSample = {
  pools: [
    {
      name: 'fast',
      backend: 'image',
      isUp: true,
      sizeBytes: 1000,
      freeBytes: 700,
      usedBytes: 250,
      availableBytes: 600,
      promisedBytes: 350,
      trashItems: 3,
      copies: 0,
    },
    { name: 'gone', backend: 'lvm', isUp: false, promisedBytes: 8, trashItems: 0, copies: 0 },
    { name: 'share-1', backend: 'share', promisedBytes: 0, trashItems: 0, copies: 1 },
  ],
  records: [
    { pool: 'fast', kind: 'volume', state: 'ready', count: 2 },
    { pool: 'fast', kind: 'snapshot', state: 'deleting', count: 3 },
  ],
  stuckMounts: 4,
  stuckProcesses: 5,
};

const SHOWN = [
  'stowage_pool_up{pool="fast",backend="image"} 1',
  'stowage_pool_up{pool="gone",backend="lvm"} 0',
  'stowage_pool_size_bytes{pool="fast",backend="image"} 1000',
  'stowage_pool_free_bytes{pool="fast",backend="image"} 700',
  'stowage_pool_used_bytes{pool="fast",backend="image"} 250',
  'stowage_pool_available_bytes{pool="fast",backend="image"} 600',
  'stowage_pool_promised_bytes{pool="gone",backend="lvm"} 8',
  'stowage_pool_trash_items{pool="fast",backend="image"} 3',
  'stowage_copies_running{pool="share-1"} 1',
  'stowage_volumes{pool="fast",state="ready"} 2',
  'stowage_snapshots{pool="fast",state="deleting"} 3',
  'stowage_stuck_mounts 4',
  'stowage_stuck_processes 5',
];

it('shows what has gone no more', async () => {
  const metrics = await createMetrics();
  metrics.watch(async () => SAMPLE);
  expect(await metrics.text()).toContain('stowage_volumes{pool="fast"');
  metrics.watch(async () => ({ ...SAMPLE, pools: [], records: [] }));
  expect(await metrics.text()).not.toMatch(/^stowage_\w+\{pool="fast"/m);
});

it('serves the calls by method and code until it is closed', async () => {
  const metrics = await createMetrics();
  metrics.observeCall('Node/NodePublishVolume', 'OK', 3);
  metrics.observeCall('Node/NodePublishVolume', 'NOT_FOUND', 1500);
  metrics.watch(async () => SAMPLE);
  metrics.countCopiedBytes('share-1', 'clone', 4096);
  const server = await serveMetrics('127.0.0.1:0', metrics);
  try {
    const url = `http://127.0.0.1:${server.port}`;
    const response = await fetch(`${url}/metrics`);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain(
      'stowage_csi_call_duration_seconds_bucket{le="0.005",method="Node/NodePublishVolume",code="OK"} 1',
    );
    expect(text).toContain(
      'stowage_csi_call_duration_seconds_sum{method="Node/NodePublishVolume",code="NOT_FOUND"} 1.5',
    );
    for (const line of SHOWN) expect(text.split('\n')).toContain(line);
    expect(text).not.toMatch(/^stowage_pool_(up|size_bytes)\{pool="share-1"/m);
    expect(text).toContain('stowage_copied_bytes_total{pool="share-1",how="clone"} 4096');
    expect(text).toContain('process_resident_memory_bytes');
    expect((await fetch(url)).status).toBe(404);
  } finally {
    await server.close();
  }
  await expect(fetch(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow();
});

it.each(['', '9809', 'localhost', 'host:port', 'host:99999', '::1:9809'])('refuses the address %j', async (address) => {
  await expect(serveMetrics(address, await createMetrics())).rejects.toMatchObject({ code: 'invalid' });
});

it('says where an address is taken', async () => {
  const metrics = await createMetrics();
  const server = await serveMetrics('[::1]:0', metrics);
  try {
    await expect(serveMetrics(`[::1]:${server.port}`, metrics)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`[::1]:${server.port}`),
    });
  } finally {
    await server.close();
  }
});

it('has the metrics that the reference names, and no others', async () => {
  const page = await readFile('docs/reference/metrics.md', 'utf8');
  const named = [...page.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell = '']) => cell.match(/stowage_[a-z_]+/g) ?? []);
  const { registry } = await createMetrics();
  const ours = registry.getMetricsAsArray().map(({ name }) => name);
  expect(named.toSorted()).toEqual(ours.filter((name) => name.startsWith('stowage_')).toSorted());
});
