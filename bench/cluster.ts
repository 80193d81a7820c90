import * as z from 'zod/mini';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { messageOf } from '../src/errors.ts';
import { life, makeNamespace } from './cluster-life.ts';
import { type KubeApi, startKubeApi } from './kube-api.ts';
import { type Calls, counting, kubeletCalls, type NodeCalls } from './kubelet-calls.ts';
import type { ClusterSizes } from './options.ts';
import { say } from './rounds.ts';

/** What was seen of one StorageClass. */
export interface ClassResult {
  readonly storageClass: string;
  readonly oneMs: readonly number[]; // a claim and its pod sent, to the pod running; of each round
  readonly manyMs: readonly number[]; // that of `manyPods` at once, to the last one running
  readonly calls: Readonly<Record<string, Calls>>; // of kubelets to its driver meanwhile, by method
}

export interface ClusterResult {
  readonly manyPods: number;
  readonly classes: readonly ClassResult[];
}

const classSchema = z.object({ provisioner: z.string() });

/** The StorageClasses in alternation, in the cluster that kubectl reaches. All that it makes there is in one namespace, which is removed at the end. */
export async function measureCluster(storageClasses: readonly string[], sizes: ClusterSizes): Promise<ClusterResult> {
  const cleanup = createCleanup();
  try {
    const api = await startKubeApi(cleanup);
    const subjects: Subject[] = [];
    for (const name of storageClasses) subjects.push(await subjectOf(api, name));
    await makeNamespace(api, cleanup);
    for (const subject of subjects) await life(api, subject.storageClass, 1); // warms up
    await alternate(api, subjects, sizes.rounds, 1, ({ oneMs }) => oneMs);
    await alternate(api, subjects, sizes.manyRounds, sizes.manyPods, ({ manyMs }) => manyMs);
    const classes = subjects.map(({ storageClass, oneMs, manyMs, calls }) => {
      return { storageClass, oneMs, manyMs, calls: Object.fromEntries(calls ?? []) };
    });
    return { manyPods: sizes.manyPods, classes };
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

/** A StorageClass; its figures are filled on the way. */
interface Subject {
  readonly storageClass: string;
  readonly driverName: string;
  readonly oneMs: number[];
  readonly manyMs: number[];
  readonly calls: NodeCalls | undefined; // undefined: kubelets cannot be asked
}

async function subjectOf(api: KubeApi, storageClass: string): Promise<Subject> {
  const { provisioner: driverName } = await api.read(
    `/apis/storage.k8s.io/v1/storageclasses/${storageClass}`,
    classSchema,
  );
  const subject = { storageClass, driverName, oneMs: [], manyMs: [] };
  try {
    await kubeletCalls(api, driverName);
    return { ...subject, calls: new Map() };
  } catch (error) {
    say(`${storageClass}: calls of kubelets are not counted: ${messageOf(error)}`);
    return { ...subject, calls: undefined };
  }
}

/** Each begins a round in turn. The milliseconds go where `tookMs` says. */
async function alternate(
  api: KubeApi,
  subjects: readonly Subject[],
  rounds: number,
  pods: number,
  tookMs: (subject: Subject) => number[],
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    say(`claims with pods, ${pods} at once: round ${round + 1} of ${rounds}`);
    const first = round % subjects.length;
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const { storageClass, driverName, calls } = subject;
      const run = () => life(api, storageClass, pods);
      tookMs(subject).push(await (calls === undefined ? run() : counting(api, driverName, calls, run)));
    }
  }
}
