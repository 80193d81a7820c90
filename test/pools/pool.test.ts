import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createBackend } from '../../src/backends/registry.ts';
import { CONFIG_SCHEMAS, type PoolConfig } from '../../src/config/schema.ts';
import { createHost } from '../../src/host/system.ts';
import { createPool } from '../../src/pools/pool.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { injectFaults } from '../faults/inject.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-pool-'));
  path = join(folder, 'pool');
  await mkdir(path);
});
afterEach(() => rm(folder, { recursive: true }));

function localConfig(): PoolConfig {
  const pools = [{ name: 'p', path, backend: 'directory', quota: 'advisory' }];
  const [config] = CONFIG_SCHEMAS.local.parse({ driver: 'local', stateDir: folder, pools }).pools;
  if (config === undefined) throw new Error('the config has no pool');
  return config;
}

/** The pool of a share that is mounted there. */
function shareConfig(): PoolConfig {
  return {
    ...localConfig(),
    backend: 'share',
    server: 'server',
    share: '/share',
  };
}

/** A pool that has been opened, at a time that stands still. */
async function open(config: PoolConfig) {
  const faulty = injectFaults(createHost());
  const { host } = faulty;
  const time = { nowMs: 5_000 };
  let opened = 0;
  const onOpen = async () => {
    opened += 1;
  };
  const backend = createBackend(config, { host, log: createLog('silent') });
  const pool = createPool(config, backend, { host, stateDir: folder, onOpen }, () => time.nowMs);
  await pool.check();
  faulty.arm();
  const looks = () => faulty.calls().filter(({ method }) => method === 'files.stat').length;
  return { pool, faulty, time, looks, opened: () => opened };
}

describe('a check of a pool', () => {
  it('looks each time at one on a disk', async () => {
    const { pool, looks } = await open(localConfig());
    await pool.check();
    await Promise.all([pool.check(), pool.check()]);
    expect(looks()).toBe(3);
    await rename(path, `${path}.away`);
    await expect(pool.check()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('looks once a second at one on a share, for all who ask', async () => {
    const { pool, time, looks } = await open(shareConfig());
    const { uuid } = await pool.check();
    time.nowMs += 999;
    await pool.check();
    expect(looks()).toBe(0); // it was looked at when it was opened
    time.nowMs += 1;
    await Promise.all([pool.check(), pool.check()]);
    expect(looks()).toBe(1);
    time.nowMs += 999;
    expect((await pool.check()).uuid).toBe(uuid);
    expect(looks()).toBe(1);
    time.nowMs += 1;
    await pool.check();
    expect(looks()).toBe(2);
  });

  it('finds a share away at the next look, and looks each time until it is back', async () => {
    const { pool, time, opened } = await open(shareConfig());
    await rename(path, `${path}.away`);
    await mkdir(path);
    time.nowMs += 1_000;
    for (let tries = 0; tries < 2; tries++) await expect(pool.check()).rejects.toMatchObject({ code: 'unavailable' });
    await rm(path, { recursive: true });
    await rename(`${path}.away`, path);
    await pool.check();
    expect(opened()).toBe(1);
  });

  it('looks again where a look at a share failed', async () => {
    const { pool, faulty, time, looks } = await open(shareConfig());
    time.nowMs += 1_000;
    faulty.arm({ at: ({ index }) => index === 0, how: 'fail-before' });
    await expect(pool.check()).rejects.toMatchObject({ code: 'unavailable' });
    await pool.check();
    await pool.check();
    expect(looks()).toBe(2);
  });

  it('waits no longer for a silent share than for a second with those who came before', async () => {
    const { pool, time, looks } = await open(shareConfig());
    time.nowMs += 1_000;
    const first = pool.check();
    time.nowMs += 1_000;
    const second = pool.check();
    expect(looks()).toBe(2);
    await Promise.all([first, second]);
  });
});
