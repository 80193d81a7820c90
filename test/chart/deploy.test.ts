import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

async function manifests(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])),
  );
}

it('is what `npm run deploy:render` makes of the chart', async () => {
  const out = await mkdtemp(join(tmpdir(), 'stowage-deploy-'));
  try {
    await promisify(execFile)(process.execPath, ['scripts/render-deploy.mjs', '--out', out]);
    expect(await manifests('deploy')).toEqual(await manifests(out));
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});
