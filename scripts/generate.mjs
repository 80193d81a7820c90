// Generates src/csi/generated from proto/csi.proto: types (one file for each message) and descriptor.ts, the parsed
// proto, so that no process parses it at start. `--out FOLDER` writes elsewhere, for the test that compares.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import protobuf from 'protobufjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: 'string' } } });
const out = options.out ?? join(root, 'src/csi/generated');

const { resolve } = createRequire(import.meta.url);
const loader = dirname(resolve('@grpc/proto-loader/package.json'));
const protobufjs = dirname(resolve('protobufjs/package.json'));
const SERVICES = ['Identity', 'Controller', 'GroupController', 'Node'];
const COMMON_TYPES = ['Timestamp', 'BoolValue', 'Int64Value']; // those of google.protobuf that csi.proto uses

/** Types of everything in the proto, through proto-loader's generator; of them, what the services reach is kept. */
async function generateTypes(into) {
  await promisify(execFile)(
    process.execPath,
    [
      join(loader, 'build/bin/proto-loader-gen-types.js'),
      ...['--longs=String', '--enums=String', '--defaults', '--oneofs'],
      ...['--grpcLib=@grpc/grpc-js', '--importFileExtension=.ts', `--outDir=${into}`, 'proto/csi.proto'],
    ],
    { cwd: root },
  );
  const reached = new Set();
  const waiting = SERVICES.map((name) => join(into, 'csi/v1', `${name}.ts`));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, path] of text.matchAll(/from '(\.[^']*)'/g)) waiting.push(join(dirname(file), path));
  }
  for (const file of reached) await cp(file, join(out, relative(into, file)));
}

/** The proto as protobufjs's JSON, without the definitions of options, which only matter to the parser. */
async function generateDescriptor() {
  const parsed = new protobuf.Root();
  parsed.resolvePath = (_from, path) => (path.startsWith('google/') ? join(protobufjs, path) : path);
  await parsed.load(join(root, 'proto/csi.proto'));
  parsed.resolveAll();
  const { csi, google } = parsed.toJSON().nested;
  const wanted = (names, all) => Object.fromEntries(names.map((name) => [name, all[name]]));
  const v1 = csi.nested.v1.nested;
  const messages = Object.keys(v1).filter((name) => v1[name].extend === undefined);
  const descriptor = {
    nested: {
      csi: { nested: { v1: { nested: wanted(messages, v1) } } },
      google: { nested: { protobuf: { nested: wanted(COMMON_TYPES, google.nested.protobuf.nested) } } },
    },
  };
  const text = [
    '// Original file: proto/csi.proto',
    `import type { INamespace } from 'protobufjs';`,
    '',
    `export const descriptor: INamespace = JSON.parse(String.raw\`${JSON.stringify(descriptor, null, 1)}\`);`,
    '',
  ].join('\n');
  await writeFile(join(out, 'descriptor.ts'), text);
}

const scratch = await mkdtemp(join(tmpdir(), 'stowage-generate-'));
try {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await generateTypes(scratch);
  await generateDescriptor();
} finally {
  await rm(scratch, { recursive: true, force: true });
}
