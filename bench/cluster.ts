import * as z from 'zod/mini';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { messageOf } from '../src/errors.ts';
import { life, makeNamespace } from './cluster-life.ts';
import { type Callers, type CallsByMethod, counting, findCallers } from './csi-calls.ts';
import { type KubeApi, startKubeApi } from './kube-api.ts';
import type { ClusterSizes } from './options.ts';
import { say } from './rounds.ts';

/** Rounds of one StorageClass. */
export interface Rounds {
  readonly tookMs: readonly number[]; // claims and their pods sent, to the last one running; of each round
  readonly calls: CallsByMethod; // to its driver meanwhile
}

/** What was seen of one StorageClass. */
export interface ClassResult {
  readonly storageClass: string;
  readonly one: Rounds; // with one claim
  readonly many: Rounds; // with `manyPods` at once
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
    const classes = subjects.map(({ storageClass, one, many }) => ({ storageClass, one, many }));
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
  readonly one: Filling;
  readonly many: Filling;
}

interface Filling extends Rounds {
  readonly tookMs: number[];
  calls: CallsByMethod;
}

async function subjectOf(api: KubeApi, storageClass: string, callers: Callers): Promise<Subject> {
  const path = `/apis/storage.k8s.io/v1/storageclasses/${storageClass}`;
  const { provisioner: driverName } = await api.read(path, classSchema);
  const nothing = () => ({ tookMs: [], calls: {} });
  return { storageClass, driverName, callers, one: nothing(), many: nothing() };
}

async function measure(api: KubeApi, subjects: readonly Subject[], sizes: ClusterSizes): Promise<void> {
  await alternate(api, subjects, sizes.rounds, 1, ({ one }) => one);
  await alternate(api, subjects, sizes.manyRounds, sizes.manyPods, ({ many }) => many);
}

/** Each begins a round in turn. What is seen goes where `filling` says. */
async function alternate(
  api: KubeApi,
  subjects: readonly Subject[],
  rounds: number,
  pods: number,
  filling: (subject: Subject) => Filling,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    say(`claims with pods, ${pods} at once: round ${round + 1} of ${rounds}`);
    const first = round % subjects.length;
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const into = filling(subject);
      const run = () => life(api, subject.storageClass, pods);
      const { result, counted } = await counting(api, subject, into.calls, run);
      into.tookMs.push(result);
      into.calls = counted;
    }
  }
}
