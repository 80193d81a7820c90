import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { one, renderChart } from './support.ts';

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

it('the dashboard shows metrics that the driver has', async () => {
  const dashboard: Dashboard = JSON.parse(await readFile('charts/stowage/files/dashboard.json', 'utf8'));
  const { registry } = await createMetrics();
  const known = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  const used = dashboard.panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(?:stowage|process|nodejs)_[a-z0-9_]+/g) ?? []),
  );
  expect(used.length).toBeGreaterThanOrEqual(dashboard.panels.length);
  expect(used.filter((name) => !known.has(name.replace(/_(bucket|count|sum)$/, '')))).toEqual([]);
});

it('the dashboard comes through Helm as it is', async () => {
  const map = one(await renderChart('everything'), 'ConfigMap', 'stowage-dashboard');
  expect(JSON.parse(map.data?.['stowage.json'] ?? '')).toEqual(
    JSON.parse(await readFile('charts/stowage/files/dashboard.json', 'utf8')),
  );
});
