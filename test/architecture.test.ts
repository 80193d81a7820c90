import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SRC = join(ROOT, 'src');
const MAX_LINES = 250;

/** What each folder of src may import, besides itself and what everyone may. Downward only. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  'share-worker.ts': ['nfs', 'host'],
  cli: ['csi', 'volumes', 'pools', 'backends', 'staging', 'nfs', 'host'],
  csi: ['volumes', 'backends', 'nfs'],
  volumes: ['pools', 'backends', 'staging', 'nfs', 'host'],
  pools: ['backends', 'host'],
  staging: ['backends', 'host'],
  backends: ['host'],
  nfs: ['backends', 'host'],
  host: [],
  telemetry: [],
  config: [],
  'errors.ts': [],
  'json.ts': [],
  'version.ts': [],
};
const FOR_EVERYONE = ['errors.ts', 'json.ts', 'version.ts', 'telemetry', 'config'];

interface SourceFile {
  readonly path: string; // relative to src, with /
  readonly text: string;
  readonly imports: readonly string[]; // of src, the same way
  readonly loads: readonly string[]; // those of them that are there when the program runs
}

const FILES: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.includes('generated'))
  .map((name) => {
    const text = readFileSync(join(SRC, name), 'utf8');
    const imports = importsOf(join(SRC, name), text);
    const loads = importsOf(join(SRC, name), text.replace(/^(?:import|export) type [^;]*;/gm, ''));
    return { path: name.split(sep).join('/'), text, imports, loads };
  });

/** Also those of types and by `import()`: what a file knows of is what counts for the layers. */
function importsOf(file: string, text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+)'/g);
  return [...found].map(([, path = '']) =>
    relative(SRC, join(dirname(file), path))
      .split(sep)
      .join('/'),
  );
}

function partOf(path: string): string {
  return path.split('/')[0] ?? path;
}

describe('the source', () => {
  it('is found', () => {
    expect(FILES.length).toBeGreaterThan(20);
    expect(FILES.flatMap(({ imports }) => imports).length).toBeGreaterThan(FILES.length);
  });

  it('has a place in the layers for every folder', () => {
    const parts = new Set(FILES.map(({ path }) => partOf(path)));
    expect([...parts].filter((part) => MAY_IMPORT[part] === undefined)).toEqual([]);
  });

  it('imports downward only', () => {
    const wrong = FILES.flatMap(({ path, imports }) => {
      const allowed = [partOf(path), ...FOR_EVERYONE, ...(MAY_IMPORT[partOf(path)] ?? [])];
      return imports.filter((target) => !allowed.includes(partOf(target))).map((target) => `${path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('imports nothing from outside src by path', () => {
    const outside = FILES.flatMap(({ path, imports }) =>
      imports.filter((target) => target.startsWith('..')).map((target) => `${path} imports ${target}`),
    );
    expect(outside).toEqual([]);
  });

  it('has no import cycles', () => {
    const imports = new Map(FILES.map((file) => [file.path, file.loads]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      } else if (!done.has(path)) {
        for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
        done.add(path);
      }
    };
    for (const { path } of FILES) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    const long = FILES.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }));
    expect(long.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  it('reaches processes, mounts and C functions through src/host alone', () => {
    // The demonstration starts a driver as a child: it is a client of Stowage, not a part of it.
    const free = /^(host|cli\/demo)\//;
    const direct = FILES.filter(
      ({ path, text }) => !free.test(path) && /from '(node:child_process|execa|koffi)'/.test(text),
    );
    expect(direct.map(({ path }) => path)).toEqual([]);
  });
});
