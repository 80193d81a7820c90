// Renders charts/stowage into deploy/, one file for each file of deploy/values. `--out FOLDER` writes elsewhere, for the test
// that compares.
import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: 'string' } } });
const out = options.out ?? join(root, 'deploy');

const HELM = process.env.HELM ?? join(root, '.cache/bin/helm');
const NAMESPACE = 'stowage';
const KUBE_VERSION = '1.34.0'; // what the templates are told; nothing in them differs from 1.30 on
const MAX_BYTES = 4 * 1024 ** 2;

/** Pods that mount what the host sees are refused in a namespace without these labels (Pod Security admission). */
const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
`;

/** The chart with these values as plain manifests. Hooks need Helm, and are left out. */
async function render(file) {
  const args = ['template', 'stowage', 'charts/stowage', '--namespace', NAMESPACE, '--kube-version', KUBE_VERSION];
  const { stdout } = await promisify(execFile)(HELM, [...args, '--no-hooks', '--skip-tests', '--values', file], {
    cwd: root,
    maxBuffer: MAX_BYTES,
  });
  const manifests = stdout.replaceAll(/[ \t]+$/gm, '');
  return `# Rendered from charts/stowage with ${file} by \`npm run deploy:render\`. Do not edit.\n${namespace}${manifests}`;
}

await mkdir(out, { recursive: true });
for (const name of (await readdir(join(root, 'deploy/values'))).sort()) {
  await writeFile(join(out, basename(name)), await render(join('deploy/values', name)));
}
