import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

/** Whether deploy/, or a copy of it, is what `npm run deploy:render` made of the chart as it is now. */
const check = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, ['scripts/render-deploy.mjs', '--check', ...args]);

it('is made of the chart as it is now', async () => {
  await check();
});

it('is found to differ where somebody edited it', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'stowage-deploy-'));
  try {
    await cp('deploy', copy, { recursive: true });
    await check('--out', copy);
    await appendFile(join(copy, 'local.yaml'), '# edited\n');
    await expect(check('--out', copy)).rejects.toThrow('changed: deploy/local.yaml. Run: npm run deploy:render');
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
