import * as z from 'zod/mini';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { messageOf } from '../src/errors.ts';
import { life, makeNamespace } from './cluster-life.ts';
import { type Callers, type Calls, type CallsByMethod, counting, findCallers } from './csi-calls.ts';
import { type KubeApi, startKubeApi } from './kube-api.ts';
import type { ClusterSizes } from './options.ts';
import { say } from './rounds.ts';

/** What was seen of one StorageClass. */
export interface ClassResult {
  readonly storageClass: string;
  readonly oneMs: readonly number[]; // a claim and its pod sent, to the pod running; of each round
  readonly manyMs: readonly number[]; // that of `manyPods` at once, to the last one running
  readonly volumes: number; // made and deleted
  readonly calls: Readonly<Record<string, Calls>>; // to its driver meanwhile, by method
}

export interface ClusterResult {
  readonly manyPods: number;
  readonly classes: readonly ClassResult[];
  /** Why it ended early, with what was measured until then. */
  readonly brokenOff?: string;
}

const classSchema = z.object({ provisioner: z.string() });

/** The StorageClasses in alternation, in the cluster that kubectl reaches. All that it makes there is in one namespace, which is removed at the end. */
export async function measureCluster(storageClasses: readonly string[], sizes: ClusterSizes): Promise<ClusterResult> {
  const cleanup = createCleanup();
  try {
    const api = await startKubeApi(cleanup);
    const callers = await findCallers(api);
    const subjects: Subject[] = [];
    for (const name of storageClasses) subjects.push(await subjectOf(api, name, callers));
    await makeNamespace(api, cleanup);
    for (const subject of subjects) await life(api, subject.storageClass, 1); // warms up
    const brokenOff = await measure(api, subjects, sizes).then(() => undefined, messageOf);
    const classes = subjects.map(({ storageClass, oneMs, manyMs, volumes, calls }) => {
      return { storageClass, oneMs, manyMs, volumes, calls: Object.fromEntries(calls) };
    });
    return { manyPods: sizes.manyPods, classes, ...(brokenOff === undefined ? {} : { brokenOff }) };
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

/** A StorageClass; its figures are filled on the way. */
interface Subject {
  readonly storageClass: string;
  readonly driverName: string;
  readonly callers: Callers;
  readonly oneMs: number[];
  readonly manyMs: number[];
  volumes: number;
  calls: CallsByMethod;
}

async function subjectOf(api: KubeApi, storageClass: string, callers: Callers): Promise<Subject> {
  const path = `/apis/storage.k8s.io/v1/storageclasses/${storageClass}`;
  const { provisioner: driverName } = await api.read(path, classSchema);
  return { storageClass, driverName, callers, oneMs: [], manyMs: [], volumes: 0, calls: new Map() };
}

async function measure(api: KubeApi, subjects: readonly Subject[], sizes: ClusterSizes): Promise<void> {
  await alternate(api, subjects, sizes.rounds, 1, ({ oneMs }) => oneMs);
  await alternate(api, subjects, sizes.manyRounds, sizes.manyPods, ({ manyMs }) => manyMs);
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
      const run = () => life(api, subject.storageClass, pods);
      const { result, counted } = await counting(api, subject, subject.calls, run);
      tookMs(subject).push(result);
      subject.calls = counted;
      subject.volumes += pods;
    }
  }
}
