import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import { command } from './command.ts';
import { type Cluster, createCluster } from './kubectl.ts';
import type { E2eOptions } from './options.ts';

const WORK = '.cache/e2e';
const NAME = 'stowage-e2e';
const IMAGE = 'stowage:e2e';
const CREATE_MS = 15 * 60_000;
const BUILD_MS = 30 * 60_000;

/** The cluster of KUBECONFIG, or one that is made by kind and deleted at the end. */
export async function provideCluster(options: E2eOptions, cleanup: Cleanup): Promise<Cluster> {
  if (options.kubeconfig !== undefined) return createCluster(options.kubeconfig);
  await mkdir(WORK, { recursive: true });
  const kubeconfig = resolve(WORK, 'kubeconfig');
  const nodes = ['control-plane', ...Array.from({ length: options.workers }, () => 'worker')];
  const config = { kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', nodes: nodes.map((role) => ({ role })) };
  if (!options.keep) cleanup.add(`kind cluster ${NAME}`, () => kind(['delete', 'cluster'], kubeconfig).then(() => {}));
  if (!(await command('kind', ['get', 'clusters'])).split('\n').includes(NAME)) {
    await kind(['create', 'cluster', '--config', '-', '--wait', '5m'], kubeconfig, JSON.stringify(config));
  }
  return createCluster(kubeconfig);
}

/** Builds the driver's image and loads it into the nodes. @returns its name there */
export async function provideImage(options: E2eOptions): Promise<string> {
  if (options.skipImage) return IMAGE;
  await command('docker', ['build', ...options.buildArguments, '--tag', IMAGE, '.'], {
    timeoutMs: BUILD_MS,
    show: true,
  });
  await mkdir(WORK, { recursive: true });
  const archive = resolve(join(WORK, 'image.tar'));
  await command('docker', ['save', '--output', archive, IMAGE], { timeoutMs: BUILD_MS });
  if (options.loadCommand !== undefined) {
    await command('sh', ['-c', `${options.loadCommand} "$0"`, archive], { timeoutMs: BUILD_MS, show: true });
  } else if (options.kubeconfig === undefined) {
    await command('kind', ['load', 'image-archive', '--name', NAME, archive], { timeoutMs: BUILD_MS });
  } else {
    throw new Error(
      'KUBECONFIG names a cluster: set STOWAGE_E2E_LOAD to a command that loads an image archive into it',
    );
  }
  return IMAGE;
}

function kind(args: readonly string[], kubeconfig: string, input = ''): Promise<string> {
  return command('kind', [...args, '--name', NAME], { input, timeoutMs: CREATE_MS, env: { KUBECONFIG: kubeconfig } });
}
