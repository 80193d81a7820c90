import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import { NAMESPACE } from './install.ts';
import type { Cluster } from './kubectl.ts';

const NODES_LOG_LINES = 20_000;

/** Writes down what helps to find out why a case failed; tells only where it cannot. */
export async function collectLogs(cluster: Cluster, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const keep = async (file: string, args: readonly string[]) => {
    const text = await cluster.kubectl(args).catch((error: unknown) => `not to be had: ${messageOf(error)}`);
    await writeFile(join(folder, file), text);
  };
  await keep('objects.txt', ['get', 'pods,pvc,pv,volumesnapshots,volumesnapshotcontents,csinodes', '-A', '-o', 'wide']);
  await keep('events.txt', ['get', 'events', '-A', '--sort-by', '.lastTimestamp']);
  await keep('described.txt', ['describe', 'pods,pvc', '--namespace', 'default']);
  for (const pod of await cluster.names('pod', { namespace: NAMESPACE }).catch(() => [])) {
    const file = `${pod.replaceAll('/', '-')}.log`;
    const args = ['logs', '-n', NAMESPACE, pod, '--all-containers', '--prefix', '--tail', String(NODES_LOG_LINES)];
    await keep(file, args);
    await keep(`previous-${file}`, [...args, '--previous']);
  }
}
