// Renders charts/stowage into deploy/, one file for each file of deploy/values, and writes down in deploy/rendered-from what
// each file of that was (sha256sum's format). `--check` only looks, without Helm, whether that is still so. `--out FOLDER`:
// elsewhere than deploy/.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: 'string' }, check: { type: 'boolean' } } });
const out = options.out ?? join(root, 'deploy');

const HELM = process.env.HELM ?? join(root, '.cache/bin/helm');
const NAMESPACE = 'stowage';
const KUBE_VERSION = '1.34.0'; // what the templates are told; nothing in them differs from 1.30 on
const LIST = 'rendered-from';
const SCRIPT = 'scripts/render-deploy.mjs';
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

/** The lines of `sha256sum` for all that goes into deploy/ and all that came of it. */
async function digests() {
  const sources = [...(await filesIn('charts/stowage')), ...(await filesIn('deploy/values')), SCRIPT]
    .filter((name) => !name.startsWith('charts/stowage/ci/')) // which only tests use
    .map((name) => ({ name, file: join(root, name) }));
  const rendered = (await readdir(out))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ name: join('deploy', name), file: join(out, name) }));
  const lines = [...sources, ...rendered].map(async ({ name, file }) => {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return `${digest}  ${name}`;
  });
  return (await Promise.all(lines)).sort((a, b) => (nameIn(a) < nameIn(b) ? -1 : 1));
}

function nameIn(line) {
  return line.slice(line.indexOf('  ') + 2);
}

async function filesIn(folder) {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

if (options.check) {
  const [written, found] = [(await readFile(join(out, LIST), 'utf8')).trim().split('\n'), await digests()];
  const changed = [...written, ...found].filter((line) => !(written.includes(line) && found.includes(line)));
  if (changed.length > 0) {
    const names = [...new Set(changed.map(nameIn))];
    console.error(`deploy/ is not what the chart makes now; changed: ${names.join(', ')}. Run: npm run deploy:render`);
    process.exitCode = 1;
  }
} else {
  await mkdir(out, { recursive: true });
  for (const name of (await readdir(join(root, 'deploy/values'))).sort()) {
    await writeFile(join(out, basename(name)), await render(join('deploy/values', name)));
  }
  await writeFile(join(out, LIST), `${(await digests()).join('\n')}\n`);
}
