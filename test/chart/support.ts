import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

/** Objects of Kubernetes, as far as tests look at them. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly template?: { readonly spec: PodSpec; readonly metadata: KubernetesObject['metadata'] } };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
  readonly parameters?: Readonly<Record<string, string>>;
  readonly provisioner?: string;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string; readonly type?: string };
  }[];
  readonly hostNetwork?: boolean;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  };
  readonly resources?: { readonly requests?: object; readonly limits?: object };
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly mountPropagation?: string;
  }[];
  readonly livenessProbe?: object;
  readonly startupProbe?: { readonly failureThreshold?: number };
}

export const VALUE_SETS = ['nfs-share', 'nfs-managed', 'everything'] as const;
export type ValueSet = (typeof VALUE_SETS)[number] | 'default';

const HELM = process.env.HELM ?? '.cache/bin/helm';
const CHART = 'charts/stowage';
const MAX_BYTES = 8 * 1024 ** 2;

/** What `helm template` makes of the chart with a set of charts/stowage/ci, and with `values` on top. @throws with what Helm says where it refuses */
export async function renderChart(set: ValueSet, values: object = {}): Promise<KubernetesObject[]> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-chart-'));
  try {
    const file = join(folder, 'values.yaml');
    await writeFile(file, JSON.stringify(values)); // YAML, too, and to no version of it is `yes` a boolean in it
    const sets = set === 'default' ? [] : ['--values', `${CHART}/ci/${set}.yaml`];
    const args = ['template', 'stowage', CHART, '--namespace', 'storage', '--kube-version', '1.34.0'];
    const { stdout } = await promisify(execFile)(HELM, [...args, ...sets, '--values', file], { maxBuffer: MAX_BYTES });
    return parseObjects(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The objects in a file of several YAML documents. @throws where one is no YAML */
export function parseObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { stringKeys: true }).flatMap((document) => {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw problem;
    const object: KubernetesObject | null = document.toJS();
    return object === null ? [] : [object];
  });
}

/** What Helm says against the values. */
export async function refusalOf(set: ValueSet, values: object): Promise<string> {
  try {
    await renderChart(set, values);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('the values were accepted');
}

/** The object of that kind and name. */
export function one(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  const [object] = found;
  if (object === undefined || found.length > 1) throw new Error(`${found.length} objects ${kind} ${name}`);
  return object;
}

/** The pods of an object; of one that has none, an error. */
export function podsOf(object: KubernetesObject): PodSpec {
  const spec = object.spec?.template?.spec;
  if (spec === undefined) throw new Error(`${object.kind} ${object.metadata.name} has no pods`);
  return spec;
}

/** The workloads that stay (no hooks), each with all its containers. */
export function workloads(objects: readonly KubernetesObject[]) {
  return objects
    .filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')
    .map((object) => {
      const pod = podsOf(object);
      return {
        name: object.metadata.name,
        object,
        pod,
        containers: [...(pod.initContainers ?? []), ...pod.containers],
      };
    });
}

/** The container of that name. */
export function containerOf(pod: PodSpec, name: string): Container {
  const container = [...(pod.initContainers ?? []), ...pod.containers].find((one) => one.name === name);
  if (container === undefined) throw new Error(`no container ${name}`);
  return container;
}
