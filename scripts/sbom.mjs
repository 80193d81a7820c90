// Prints what the image holds as CycloneDX 1.6: the packages of Debian that are installed, Node.js, and the packages of npm
// that are bundled into the program. `node sbom.mjs LOCKFILE NODE_MODULES`; runs in the image, and uses nothing but Node.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [lockFile, modules] = process.argv.slice(2);
const { version, packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
const NODE_MODULES = 'node_modules/';

/** Of optional packages, such as libraries for other processors, only those that were taken along. */
function isBundled([path, { dev, optional }]) {
  return path !== '' && dev !== true && (optional !== true || existsSync(join(dirname(modules), path)));
}

const npm = Object.entries(packages)
  .filter(isBundled)
  .map(([path, { version, license }]) => {
    const name = path.slice(path.lastIndexOf(NODE_MODULES) + NODE_MODULES.length);
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    return {
      ...{ type: 'library', 'bom-ref': purl, name, version, purl },
      ...(license === undefined
        ? {}
        : { licenses: [/ (AND|OR) /.test(license) ? { expression: license } : { license: { name: license } }] }),
    };
  });

const FORMAT = `\${db:Status-Abbrev}\t\${Package}\t\${Version}\t\${Architecture}\n`;
const debian = execFileSync('dpkg-query', ['--show', `--showformat=${FORMAT}`], { encoding: 'utf8' })
  .split('\n')
  .filter((line) => line.startsWith('ii'))
  .map((line) => {
    const [, name, version, architecture] = line.split('\t');
    const purl = `pkg:deb/debian/${name.replaceAll('+', '%2B')}@${encodeURIComponent(version)}?arch=${architecture}`;
    return { type: 'library', 'bom-ref': purl, name, version, purl };
  });

const runtime = process.version.slice(1);
const node = {
  type: 'platform',
  'bom-ref': 'node',
  name: 'node',
  version: runtime,
  purl: `pkg:generic/node@${runtime}`,
};
const unique = new Map([node, ...npm, ...debian].map((component) => [component['bom-ref'], component]));
const bom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { component: { type: 'container', 'bom-ref': 'stowage', name: 'stowage', version } },
  components: [...unique.values()],
};
process.stdout.write(`${JSON.stringify(bom, undefined, 1)}\n`);
