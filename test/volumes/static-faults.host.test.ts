import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stagedAt } from '../../src/staging/stage.ts';
import { type FaultyHost, type How, injectFaults } from '../faults/inject.ts';
import { codeOf, mountPointsBeneath } from '../support/driver.ts';
import { makeStaticDriver, type Pv, type StaticDriver } from './static-setup.ts';

let driver: StaticDriver;
let faulty: FaultyHost | undefined;

beforeEach(async () => {
  driver = await makeStaticDriver({
    wrap: (host) => {
      faulty = injectFaults(host);
      return faulty.host;
    },
  });
});
afterEach(() => driver.at.cleanup());

function host(): FaultyHost {
  if (faulty === undefined) throw new Error('the driver was never started');
  return faulty;
}

async function records(): Promise<string[]> {
  return readdir(join(driver.at.config.stateDir, 'static')).catch(() => []);
}

async function left(): Promise<unknown> {
  const mounts = await mountPointsBeneath(driver.at.folder);
  return { mounts, records: await records(), targets: await readdir(join(driver.at.folder, 'targets')) };
}

const NOTHING = { mounts: [], records: [], targets: [] };

/** The life of a volume in calls, each of which may be made again. */
function steps(pv: Pv) {
  return [
    ['stage', () => driver.stage(pv)],
    ['publish', () => driver.publish(pv, 'pod')],
    ['unpublish', () => driver.unpublish(pv, 'pod')],
    ['unstage', () => driver.unstage(pv)],
  ] as const;
}

describe.each([
  { title: 'a folder that is there', type: 'Directory', path: 'data' },
  { title: 'a folder to be made', type: 'DirectoryOrCreate', path: 'new/deep' },
  { title: 'a file to be made', type: 'FileOrCreate', path: 'file' },
])('$title, and the process', ({ type, path }) => {
  const pv = (): Pv => ({ id: 'pv', path: join(driver.allowed, path), type });

  beforeEach(async () => {
    await mkdir(join(driver.allowed, 'data'));
    await writeFile(join(driver.allowed, 'data/file'), 'kept');
  });

  it.each<How>(['fail-before', 'fail-after', 'die-before', 'die-after'])(
    '%s at each call of the system: the same calls again work, and leave nothing',
    async (how) => {
      for (let at = 0; at < 4; at++) {
        for (let call = 0, struck = true; struck; call++) {
          const list = steps(pv());
          for (const [index, [name, step]] of list.entries()) {
            if (index !== at) {
              await step();
              continue;
            }
            host().arm({ how, at: ({ ordinal, effect }) => effect === 'changes' && ordinal === call });
            await step().catch(() => undefined);
            struck = host().struck() !== undefined;
            host().disarm();
            if (how.startsWith('die') && struck) await driver.restart();
            expect([name, call, await codeOf(step())]).toEqual([name, call, 'ok']);
          }
          expect(await left()).toEqual(NOTHING);
        }
      }
      expect(await readFile(join(driver.allowed, 'data/file'), 'utf8')).toBe('kept');
    },
    120_000,
  );

  it('dies before a stage is done, and nobody calls again: the next start forgets it', async () => {
    for (let call = 0; ; call++) {
      host().arm({ how: 'die-after', at: ({ ordinal, effect }) => effect === 'changes' && ordinal === call });
      await driver.stage(pv()).catch(() => undefined);
      const struck = host().struck();
      host().disarm();
      await driver.restart();
      const mounts = await mountPointsBeneath(join(driver.at.folder, 'staging'));
      expect((await records()).length).toBe(mounts.length);
      await driver.unstage(pv());
      expect(await left()).toEqual(NOTHING);
      if (struck === undefined) break;
    }
  });
});

describe('what is recorded', () => {
  const pv = (): Pv => ({ id: '../../etc/passwd', path: join(driver.allowed, 'data'), type: 'DirectoryOrCreate' });

  it('is the hash of the id, in a file of root alone', async () => {
    await driver.stage(pv());
    const [name = ''] = await records();
    expect(name).toMatch(/^[0-9a-f]{64}\.json$/);
    const path = join(driver.at.config.stateDir, 'static', name);
    expect(await readFile(path, 'utf8')).not.toContain(pv().id);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await driver.unstage(pv());
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a newer schema', '{"schema":2}'],
    ['another file', '{"schema":1,"stagingPath":"/etc","targets":["/etc"]}'],
    ['too much', ' '.repeat(5 * 1024 ** 2)],
  ])('is replaced by %s, and the pod can still end', async (_title, text) => {
    await driver.stage(pv());
    await driver.publish(pv(), 'pod');
    const [name = ''] = await records();
    await writeFile(join(driver.at.config.stateDir, 'static', name), text);
    await driver.restart();
    expect(await records()).toEqual([name]);
    expect(await codeOf(driver.publish(pv(), 'other'))).toBe('precondition');
    await driver.unpublish(pv(), 'pod');
    await driver.unstage(pv());
    expect(await left()).toEqual(NOTHING);
  });

  it('is forgotten at a start where no mount is left, and kept where one is', async () => {
    const other = { ...pv(), id: 'other' };
    await driver.stage(pv());
    await driver.stage(other);
    const staged = await mountPointsBeneath(join(driver.at.folder, 'staging'));
    expect(staged).toHaveLength(2);
    await driver.at.stop();
    const { detach } = host().host.mounts;
    await detach(stagedAt(driver.staging(other)));
    await writeFile(join(driver.at.config.stateDir, 'static/.x.json.0123456789ab.tmp'), 'half');
    await driver.restart();
    expect(await records()).toHaveLength(1);
    await driver.unstage(other);
    await driver.unstage(pv());
    expect(await left()).toEqual(NOTHING);
  });
});

/** Exchanges two names as fast as it can (renameat2(2), RENAME_EXCHANGE), until it is ended. */
const SWAP = `
const call = require('koffi').load(null).func('int renameat2(int a, const char *from, int b, const char *to, unsigned int flags)');
const [first, second] = process.argv.slice(1);
process.stdout.write('ready');
for (;;) if (call(-100, first, -100, second, 2) !== 0) process.exit(1);
`;

describe('a link that is swapped in while the volume is staged', () => {
  it.each([
    { title: 'for the folder', path: 'x', type: 'Directory' },
    { title: 'for a folder on the way', path: 'x/in', type: 'Directory' },
    { title: 'for a folder on the way to what is made', path: 'x/made/deep', type: 'DirectoryOrCreate' },
    { title: 'for the folder of a file that is made', path: 'x/made', type: 'FileOrCreate' },
    { title: 'for the folder, whatever its type', path: 'x', type: '' },
  ])(
    '$title leads nowhere',
    async ({ path, type }) => {
      const outside = join(driver.at.folder, 'outside');
      const real = join(driver.allowed, 'x');
      await mkdir(join(real, 'in'), { recursive: true });
      await mkdir(join(outside, 'in'));
      await symlink(outside, join(driver.allowed, 'link'));
      const child = spawn(process.execPath, ['-e', SWAP, real, join(driver.allowed, 'link')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const seen = new Set<string>();
      try {
        await once(child.stdout, 'data');
        for (let count = 0; count < 200 || !(seen.has('ok') && seen.has('precondition')); count++) {
          const pv = { id: `pv-${count}`, path: join(driver.allowed, path), type };
          const code = await codeOf(driver.stage(pv));
          seen.add(code);
          if (code !== 'ok') continue;
          const { entries } = await host().host.mounts.table();
          const mount = entries.find(({ mountPoint }) => mountPoint.startsWith(driver.staging(pv)));
          expect(mount?.root).not.toContain('/outside');
          await driver.unstage(pv);
        }
        expect(child.exitCode).toBeNull(); // it swapped all the time
      } finally {
        child.kill('SIGKILL');
      }
      expect(await readdir(outside)).toEqual(['in']);
      expect(await readdir(join(outside, 'in'))).toEqual([]);
      expect([...seen].filter((code) => !['ok', 'precondition', 'busy', 'not-found'].includes(code))).toEqual([]);
      expect(await left()).toEqual(NOTHING);
    },
    120_000,
  );
});
