import * as z from 'zod/mini';
import type { Cleanup } from '../src/cli/demo/cleanup.ts';
import { claim, podWith } from '../test/e2e/objects.ts';
import { untilTrue } from '../test/e2e/wait.ts';
import { interrupt } from './interrupt.ts';
import type { KubeApi } from './kube-api.ts';

const NAMESPACE = 'stowage-bench';
const NAMESPACES = '/api/v1/namespaces';
const PODS = `${NAMESPACES}/${NAMESPACE}/pods`;
const CLAIMS = `${NAMESPACES}/${NAMESPACE}/persistentvolumeclaims`;
const CLAIM_SIZE = '320Mi'; // the least that XFS takes
const LIMIT_MS = 10 * 60_000;

const podSchema = z.object({
  object: z.object({
    metadata: z.object({ name: z.string() }),
    status: z.optional(z.object({ phase: z.optional(z.string()) })),
  }),
});
const listSchema = z.object({ items: z.array(z.unknown()) });
const volumesSchema = z.object({
  items: z.array(z.object({ spec: z.object({ claimRef: z.optional(z.object({ namespace: z.string() })) }) })),
});

/** Where all claims and pods are made; at the end it is removed with them, and with the volumes of its claims. */
export async function makeNamespace(api: KubeApi, cleanup: Cleanup): Promise<void> {
  await api.post(NAMESPACES, { metadata: { name: NAMESPACE } });
  cleanup.add(`namespace ${NAMESPACE}`, async () => {
    await api.remove(`${NAMESPACES}/${NAMESPACE}`);
    await untilEmpty(api, `${NAMESPACES}?fieldSelector=metadata.name=${NAMESPACE}`);
    await untilNoVolumes(api);
  });
  // A pod is refused until its namespace has the account that it runs as.
  await untilTrue('the namespace has an account', LIMIT_MS, async () => {
    return (await api.read(`${NAMESPACES}/${NAMESPACE}/serviceaccounts`, listSchema)).items.length > 0;
  });
}

/** Claims with a pod each from nothing to running, and away again. @returns the milliseconds to the last pod running */
export async function life(api: KubeApi, storageClass: string, pods: number): Promise<number> {
  interrupt.throwIfAborted();
  const names = Array.from({ length: pods }, (_, index) => `bench-${index}`);
  const stop = new AbortController();
  const events = await api.watch(PODS, AbortSignal.any([stop.signal, interrupt, AbortSignal.timeout(LIMIT_MS)]));
  const startMs = performance.now();
  try {
    const sent = names.map(async (name) => {
      await api.post(CLAIMS, claim(name, { storageClass, size: CLAIM_SIZE }));
      await api.post(PODS, podWith(name));
    });
    await Promise.all([untilRunning(events, new Set(names)), ...sent]);
  } finally {
    stop.abort();
  }
  const tookMs = performance.now() - startMs;
  await Promise.all(names.map((name) => api.remove(`${PODS}/${name}`)));
  await untilEmpty(api, PODS);
  await Promise.all(names.map((name) => api.remove(`${CLAIMS}/${name}`)));
  await untilNoVolumes(api);
  return tookMs;
}

async function untilRunning(events: AsyncIterable<string>, waiting: Set<string>): Promise<void> {
  for await (const line of events) {
    const { metadata, status } = podSchema.parse(JSON.parse(line)).object;
    if (status?.phase === 'Failed') throw new Error(`pod ${metadata.name} failed`);
    if (status?.phase === 'Running') waiting.delete(metadata.name);
    if (waiting.size === 0) return;
  }
  throw new Error(`pods that do not run: ${[...waiting].join(', ')}`);
}

const untilEmpty = (api: KubeApi, path: string) =>
  untilTrue(`${path} has nothing`, LIMIT_MS, async () => (await api.read(path, listSchema)).items.length === 0);

const untilNoVolumes = (api: KubeApi) =>
  untilTrue(`volumes of ${NAMESPACE} are gone`, LIMIT_MS, async () => {
    const { items } = await api.read('/api/v1/persistentvolumes', volumesSchema);
    return items.every(({ spec }) => spec.claimRef?.namespace !== NAMESPACE);
  });
