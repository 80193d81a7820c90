import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createQuotas } from '../../src/host/quota.ts';
import type { VolumeRecord } from '../../src/volumes/record.ts';
import { makeDriver, type PoolSetup, type TestDriver } from '../support/driver.ts';
import { findmnt, type PoolKind, shutDown } from '../support/pools.ts';
import { SEED, seeded, seedOf } from './random.ts';

const run = promisify(execFile);
const quotas = createQuotas();
const isFull = process.env.STOWAGE_FAULTS === 'full';
const CUTS = isFull ? 60 : 4;
const USERS = 6;
const LIFE_MAX_MS = 400; // from the first answer to the cut
const POLL_MS = 5;
const TIMEOUT_MS = isFull ? 900_000 : 120_000;

/** What callers were answered, by volume ids. */
interface Answers {
  readonly created: Set<string>; // and nobody asked to delete them
  readonly deleted: Set<string>;
}

/**
 * The pool's file system is shut down as by a power cut: what its journal has not written is lost, and the journal is replayed at the next mount
 * (xfs_io(8), shutdown without -f). What the driver answered must be there afterwards, and nothing else.
 */
export function describePowerCuts(kind: PoolKind, config: PoolSetup['config']): void {
  const title = `${config.backend} on ${kind}`;
  describe(title, () => {
    let at: TestDriver | undefined;
    afterEach(() => at?.cleanup());

    it(
      `keeps what it answered through ${CUTS} power cuts (seed ${SEED})`,
      async () => {
        at = await makeDriver({ pools: [{ name: 'p', kind, config: { ...config, overcommit: 100 } }] });
        const options = await mountOptionsOf(at.poolPath());
        const random = seeded(seedOf(title));
        const answers: Answers = { created: new Set(), deleted: new Set() };
        for (let cut = 0; cut < CUTS; cut++) {
          await useUntilCut(at, answers, `cut${cut}`, random.below(LIFE_MAX_MS));
          await at.stop();
          await mountAgain(at.poolPath(), options);
          await at.restart();
          await expectKept(at, answers);
        }
      },
      TIMEOUT_MS,
    );
  });
}

/** Volumes are made, by every other user to be deleted at once, until all calls fail. */
async function useUntilCut(driver: TestDriver, answers: Answers, prefix: string, lifeMs: number): Promise<void> {
  const users = Array.from({ length: USERS }, async (_, user) => {
    for (let count = 0; ; count++) {
      const { id } = await driver.create(`${prefix}-${user}-${count}`);
      answers.created.add(id);
      if (user % 2 === 0) continue;
      answers.created.delete(id);
      await driver.service.deleteVolume({ volumeId: id }, AbortSignal.timeout(TIMEOUT_MS));
      answers.deleted.add(id);
    }
  });
  const failed = Promise.all(users); // no call may, before the cut
  const [created, deleted] = [answers.created.size, answers.deleted.size];
  while (answers.created.size === created || answers.deleted.size === deleted)
    await Promise.race([sleep(POLL_MS), failed]);
  await Promise.race([sleep(lifeMs), failed]);
  await shutDown(driver.poolPath());
  await Promise.allSettled(users); // each ends with the first call that fails
}

const mountOptionsOf = async (path: string) =>
  (await findmnt('OPTIONS', path)).includes('prjquota') ? 'loop,prjquota' : 'loop';

/** The journal is replayed by it. */
async function mountAgain(path: string, options: string): Promise<void> {
  const disk = (await findmnt('SOURCE', path)).replace('/dev/', '');
  const file = await readFile(`/sys/block/${disk}/loop/backing_file`, 'utf8');
  await run('umount', [path]);
  await run('mount', ['-o', options, file.trim(), path]);
}

async function expectKept({ driver, catalog, poolPath }: TestDriver, answers: Answers): Promise<void> {
  expect([...catalog.damages()]).toEqual([]);
  for (const id of answers.created) expect([id, catalog.volume(id)?.state]).toEqual([id, 'ready']);
  await driver.idle();
  for (const id of answers.deleted) expect([id, catalog.volume(id)?.state]).toEqual([id, undefined]);
  const records = [...catalog.all()].flatMap((record) => (record.kind === 'volume' ? [record] : []));
  const folders = await Promise.all(
    ['volumes', '.stowage/trash', '.stowage/tmp'].map((name) => readdir(join(poolPath(), name))),
  );
  expect(folders.flat().map(withoutSuffix).sort()).toEqual(records.map(({ folder }) => folder).sort());
  for (const record of records) await expectWhole(poolPath(), record);
}

/** An image's file system, a folder's limit. */
async function expectWhole(pool: string, { id, folder, layout, sizeBytes }: VolumeRecord): Promise<void> {
  if (layout.backend === 'image') await run('e2fsck', ['-fn', join(pool, 'volumes', `${folder}.img`)]);
  if (layout.backend !== 'directory' || layout.projectId === undefined) return;
  const projectId = await quotas.project(join(pool, 'volumes', folder));
  const { limitBytes } = await quotas.usage(pool, projectId);
  expect([id, projectId, limitBytes]).toEqual([id, layout.projectId, sizeBytes]);
}

const withoutSuffix = (name: string) => name.replace(/\.img$/, '');
