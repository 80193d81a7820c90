import { type CommandOptions, command } from './command.ts';
import { SLOW_MS, until, untilTrue } from './wait.ts';

const READY_MS = SLOW_MS;
const GONE_MS = SLOW_MS;
/** What kubectl waits for an object to go: a little less. */
const DELETE = ['--ignore-not-found', '--timeout', '280s'];

/** The cluster, as kubectl reaches it. Names of objects are given as kubectl takes them: `pod/a`, `pvc/b`. */
export type Cluster = ReturnType<typeof createCluster>;

export function createCluster(kubeconfig: string) {
  const env = { KUBECONFIG: kubeconfig };
  const kubectl = (args: readonly string[], options: CommandOptions = {}) =>
    command('kubectl', args, { ...options, env });
  const inNamespace = (namespace: string | undefined) => (namespace === undefined ? [] : ['--namespace', namespace]);

  /** One field, by a JSONPath; empty where it is not set. */
  const field = (object: string, path: string, namespace?: string) =>
    kubectl(['get', object, '-o', `jsonpath=${path}`, ...inNamespace(namespace)]);

  /** The names of all objects of a kind, which may be narrowed by a selector of labels. */
  async function names(kind: string, options: { namespace?: string; selector?: string } = {}): Promise<string[]> {
    const selector = options.selector === undefined ? [] : ['--selector', options.selector];
    const out = await kubectl(['get', kind, '-o', 'name', ...selector, ...inNamespace(options.namespace)]);
    return out.split('\n').filter((name) => name !== '');
  }

  /** The pods of a namespace on a node that are not on their way out. */
  async function podsOn(node: string, namespace: string): Promise<string[]> {
    const path = '{range .items[*]}{.metadata.deletionTimestamp}/pod/{.metadata.name}{"\\n"}{end}';
    const on = ['--field-selector', `spec.nodeName=${node}`, '-o', `jsonpath=${path}`];
    const lines = (await kubectl(['get', 'pods', ...on, ...inNamespace(namespace)])).split('\n');
    return lines.filter((line) => line.startsWith('/pod/')).map((line) => line.slice(1));
  }

  const exists = async (object: string) =>
    (await kubectl(['get', object, '--ignore-not-found', '-o', 'name'])).trim() !== '';

  async function gone(object: string): Promise<void> {
    await untilTrue(`${object} is gone`, GONE_MS, async () => !(await exists(object)));
  }

  async function isReady(pod: string): Promise<boolean> {
    return (await field(pod, '{.status.conditions[?(@.type=="Ready")].status}')) === 'True';
  }

  return {
    env,
    kubectl,
    field,
    names,
    podsOn,
    exists,
    gone,

    apply: (manifest: string | object) =>
      kubectl(['apply', '-f', '-'], { input: typeof manifest === 'string' ? manifest : JSON.stringify(manifest) }),
    applyFile: (file: string) => kubectl(['apply', '-f', file]),
    deleteFile: (file: string) => kubectl(['delete', '-f', file, ...DELETE], { timeoutMs: GONE_MS }),

    /** Deletes and waits until it is gone. */
    async remove(...objects: readonly string[]): Promise<void> {
      await kubectl(['delete', ...objects, ...DELETE], { timeoutMs: GONE_MS });
      for (const object of objects) await gone(object);
    },

    /** Waits until a claim or a volume is in a phase, such as Bound. */
    inPhase: (object: string, phase: string, timeoutMs: number) =>
      untilTrue(`${object} is ${phase}`, timeoutMs, async () => (await field(object, '{.status.phase}')) === phase),

    /** Waits until a pod is ready; gives its node. */
    async ready(pod: string, timeoutMs = READY_MS): Promise<string> {
      try {
        await untilTrue(`${pod} is ready`, timeoutMs, () => isReady(pod));
      } catch (error) {
        const events = await kubectl(['events', '--for', pod]).catch(() => '');
        throw new Error(`${error instanceof Error ? error.message : error}\n${events}`);
      }
      return field(pod, '{.spec.nodeName}');
    },

    logs: (pod: string) => kubectl(['logs', pod, '--all-containers']),
    /** Waits until the pod has written what matches. */
    logged: (pod: string, pattern: RegExp) =>
      until(`the log of ${pod} has ${pattern}`, READY_MS, async () => {
        const match = pattern.exec(await kubectl(['logs', pod, '--all-containers']));
        return match === null ? undefined : match;
      }),
    exec: (pod: string, args: readonly string[], options: { namespace?: string; container?: string } = {}) =>
      kubectl([
        'exec',
        ...inNamespace(options.namespace),
        pod,
        ...(options.container === undefined ? [] : ['--container', options.container]),
        '--',
        ...args,
      ]),
    /** Messages of an object's events, the oldest first. */
    events: (object: string) => kubectl(['events', '--for', object, '--no-headers']),
  };
}
