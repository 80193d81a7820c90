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
    const one = await alternate(api, subjects, 1, sizes.rounds);
    const many = await alternate(api, subjects, sizes.manyPods, sizes.manyRounds);
    const classes = subjects.map(({ storageClass, calls }, index) => {
      return {
        storageClass,
        oneMs: one[index] ?? [],
        manyMs: many[index] ?? [],
        calls: Object.fromEntries(calls ?? []),
      };
    });
    return { manyPods: sizes.manyPods, classes };
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

interface Subject {
  readonly storageClass: string;
  readonly driverName: string;
  readonly calls: NodeCalls | undefined; // filled on the way; undefined: kubelets cannot be asked
}

async function subjectOf(api: KubeApi, storageClass: string): Promise<Subject> {
  const text = await api.get(`/apis/storage.k8s.io/v1/storageclasses/${storageClass}`);
  const driverName = classSchema.parse(JSON.parse(text)).provisioner;
  try {
    await kubeletCalls(api, driverName);
    return { storageClass, driverName, calls: new Map() };
  } catch (error) {
    say(`${storageClass}: calls of kubelets are not counted: ${messageOf(error)}`);
    return { storageClass, driverName, calls: undefined };
  }
}

/** Each begins a round in turn. @returns the milliseconds of each round, of each subject */
async function alternate(
  api: KubeApi,
  subjects: readonly Subject[],
  pods: number,
  rounds: number,
): Promise<number[][]> {
  const tookMs = subjects.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    say(`claims with pods, ${pods} at once: round ${round + 1} of ${rounds}`);
    for (let turn = 0; turn < subjects.length; turn++) {
      const index = (round + turn) % subjects.length;
      const subject = subjects[index];
      if (subject === undefined) continue;
      const { driverName, calls } = subject;
      const run = () => life(api, subject.storageClass, pods);
      tookMs[index]?.push(await (calls === undefined ? run() : counting(api, driverName, calls, run)));
    }
  }
  return tookMs;
}
