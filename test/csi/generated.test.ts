import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { rpcs } from './support/reflection.ts';

async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')])),
  );
}

it('is what `npm run generate` makes of proto/csi.proto', async () => {
  const out = await mkdtemp(join(tmpdir(), 'stowage-generated-'));
  try {
    await promisify(execFile)(process.execPath, ['scripts/generate.mjs', '--out', out]);
    expect(await contents('src/csi/generated')).toEqual(await contents(out));
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});

it('has every RPC among the services', () => {
  const known = Object.values(services).flatMap((service) => Object.keys(service));
  expect(known.sort()).toEqual(
    rpcs()
      .map(({ name }) => name)
      .sort(),
  );
});
