import * as z from 'zod/mini';
import type { KubeApi } from './kube-api.ts';

export interface Calls {
  readonly count: number;
  readonly seconds: number; // in all of them together
}

/** By method, such as NodePublishVolume. */
export type NodeCalls = Map<string, Calls>;

const nodesSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
/** A line of a histogram: its labels, and its value. */
const METRIC = /^csi_operations_seconds_(sum|count)\{([^}]*)\} (\S+)$/gm;

/** What kubelets have counted so far of the calls that a driver answered without an error (their metric csi_operations_seconds). */
export async function kubeletCalls(api: KubeApi, driverName: string): Promise<NodeCalls> {
  const { items } = await api.read('/api/v1/nodes', nodesSchema);
  const asked = items.map(({ metadata }) => api.text(`/api/v1/nodes/${metadata.name}/proxy/metrics`));
  const texts = await Promise.all(asked);
  const calls: NodeCalls = new Map();
  for (const [, kind, labels = '', value] of texts.join('\n').matchAll(METRIC)) {
    if (!labels.includes(`driver_name="${driverName}"`) || !labels.includes('grpc_status_code="OK"')) continue;
    const method = /method_name="[^"]*\/(\w+)"/.exec(labels)?.[1];
    if (method === undefined) continue;
    const { count, seconds } = calls.get(method) ?? { count: 0, seconds: 0 };
    calls.set(
      method,
      kind === 'sum' ? { count, seconds: seconds + Number(value) } : { count: count + Number(value), seconds },
    );
  }
  return calls;
}

/** Runs something, and adds to `calls` what kubelets counted meanwhile. */
export async function counting<T>(
  api: KubeApi,
  driverName: string,
  calls: NodeCalls,
  run: () => Promise<T>,
): Promise<T> {
  const before = await kubeletCalls(api, driverName);
  const result = await run();
  for (const [method, { count, seconds }] of await kubeletCalls(api, driverName)) {
    const [old, sum] = [before.get(method), calls.get(method)];
    calls.set(method, {
      count: (sum?.count ?? 0) + count - (old?.count ?? 0),
      seconds: (sum?.seconds ?? 0) + seconds - (old?.seconds ?? 0),
    });
  }
  return result;
}
