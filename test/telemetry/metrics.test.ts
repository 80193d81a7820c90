import { expect, it } from '@jest/globals';
import { createMetrics, serveMetrics } from '../../src/telemetry/metrics.ts';

it('serves the calls by method and code until it is closed', async () => {
  const metrics = await createMetrics();
  metrics.observeCall('Node/NodePublishVolume', 'OK', 3);
  metrics.observeCall('Node/NodePublishVolume', 'NOT_FOUND', 1500);
  metrics.changeCopies('share-1', 1);
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
    expect(text).toContain('stowage_copies_running{pool="share-1"} 1');
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
