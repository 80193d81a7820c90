import * as z from 'zod/mini';
import { messageOf } from '../src/errors.ts';
import type { KubeApi } from './kube-api.ts';
import { say } from './rounds.ts';

export interface Calls {
  readonly count: number;
  readonly seconds: number; // in all of them together
}

const NONE: Calls = { count: 0, seconds: 0 };

/** By method, such as NodePublishVolume; whatever was answered. */
export type CallsByMethod = Readonly<Record<string, Calls>>;

/** Who calls a driver and counts how long it takes: paths of the API at which their metrics are. */
export type Callers = readonly string[];

const nodesSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), name: z.string() }),
      spec: z.object({ containers: z.array(z.object({ args: z.optional(z.array(z.string())) })) }),
    }),
  ),
});
/** A sidecar's option for where it serves metrics or health, if not on loopback alone. */
const SERVES = /^--(?:http-endpoint|metrics-address)=(?:0\.0\.0\.0)?:(\d+)$/;
/** A line of a histogram, a kubelet's or a sidecar's: its labels, and its value. */
const METRIC = /^csi(?:_sidecar)?_operations_seconds_(sum|count)\{([^}]*)\} (\S+)$/gm;

/** All kubelets, and the sidecars that serve metrics. */
export async function findCallers(api: KubeApi): Promise<Callers> {
  const { items: nodes } = await api.read('/api/v1/nodes', nodesSchema);
  const { items: pods } = await api.read('/api/v1/pods', podsSchema);
  const sidecars = pods.flatMap(({ metadata, spec }) =>
    spec.containers
      .flatMap(({ args = [] }) => args.flatMap((arg) => SERVES.exec(arg)?.[1] ?? []))
      .map((port) => `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}:${port}/proxy/metrics`),
  );
  const callers = [...nodes.map(({ metadata }) => `/api/v1/nodes/${metadata.name}/proxy/metrics`), ...sidecars];
  const answers = await Promise.all(callers.map((caller) => answersMetrics(api, caller)));
  return callers.filter((_, index) => answers[index]);
}

async function answersMetrics(api: KubeApi, caller: string): Promise<boolean> {
  try {
    return (await api.text(caller)) !== undefined;
  } catch (error) {
    say(`calls of ${caller} are not counted: ${messageOf(error)}`);
    return false;
  }
}

/** What they have counted so far of their calls to a driver (csi_operations_seconds, csi_sidecar_operations_seconds). */
async function callsTo(api: KubeApi, driverName: string, callers: Callers): Promise<CallsByMethod> {
  const texts = await Promise.all(callers.map((caller) => api.text(caller)));
  const calls: Record<string, Calls> = {};
  for (const [, kind, labels = '', value] of texts.join('\n').matchAll(METRIC)) {
    const method = /method_name="[^"]*\/(\w+)"/.exec(labels)?.[1];
    if (method === undefined || !labels.includes(`driver_name="${driverName}"`)) continue;
    const { count, seconds } = calls[method] ?? NONE;
    const number = Number(value);
    calls[method] = kind === 'sum' ? { count, seconds: seconds + number } : { count: count + number, seconds };
  }
  return calls;
}

/** Runs something. @returns its result, and `counted` with what was called meanwhile */
export async function counting<T>(
  api: KubeApi,
  driver: { readonly driverName: string; readonly callers: Callers },
  counted: CallsByMethod,
  run: () => Promise<T>,
): Promise<{ result: T; counted: CallsByMethod }> {
  const before = await callsTo(api, driver.driverName, driver.callers);
  const result = await run();
  const after = await callsTo(api, driver.driverName, driver.callers);
  const sums = Object.entries(after).map(([method, { count, seconds }]): [string, Calls] => {
    const { [method]: old = NONE } = before;
    const { [method]: sum = NONE } = counted;
    return [method, { count: sum.count + count - old.count, seconds: sum.seconds + seconds - old.seconds }];
  });
  return { result, counted: { ...counted, ...Object.fromEntries(sums) } };
}
