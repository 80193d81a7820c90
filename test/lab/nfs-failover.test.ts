import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  attach,
  clonedInPool,
  createdInPool,
  detach,
  failure,
  inPod,
  outOfPod,
  POOL,
  sh,
  startHolder,
  startManagedServer,
} from './support-managed.ts';
import { type Database, initializeDatabase, type RowWriter, startDatabase, TABLE } from './support-mariadb.ts';
import { type LabNode, startNode } from './support-nodes.ts';
import { type LabVolume, remove, targetPath } from './support-volumes.ts';

const isFull = process.env.STOWAGE_LAB === 'full';
const ROWS = 25;
const SHUT_OUT = /Stale file handle|Input\/output error/;

let server: LabNode;
let first: LabNode;
let second: LabNode;

beforeAll(async () => {
  server = await startManagedServer('server');
  first = await startNode('worker-1');
  second = await startNode('worker-2');
}, 120_000);
afterEach(async () => {
  await first.setLink('up');
});
afterAll(async () => {
  for (const node of [first, second, server]) await node?.stop();
});

/** Where a volume's files are on the server. */
async function folderOf({ name }: LabVolume): Promise<string> {
  const [folder = ''] = (await readdir(join(POOL, 'volumes'))).filter((entry) => entry.startsWith(name));
  return join(POOL, 'volumes', folder);
}

/** In default runs the harder case after it stands for this one. */
const onlyFull: (name: string, test: () => Promise<void>) => void = isFull ? it : () => undefined;

describe('a node whose packets are lost while it is shut out', () => {
  onlyFull('does not write what it had left, once they are not', async () => {
    const volume = await createdInPool(server, 'cut-off');
    await attach(server, volume, first);
    const path = await inPod(first, volume);
    const held = startHolder(first);
    expect(await held.ask(`lock ${path}/file`)).toBe('locked');
    expect(await held.ask('write first')).toBe('written');
    await first.setLink('down');
    const late = held.ask('write late');
    await detach(server, volume, first);
    await attach(server, volume, second);
    const there = await inPod(second, volume);
    const next = startHolder(second);
    expect(await next.ask(`lock ${there}/file`)).toBe('locked');
    expect(await next.ask('write second')).toBe('written');
    await first.setLink('up');
    expect(await late).toMatch(SHUT_OUT);
    expect(await failure(sh(first, `echo more >>${path}/file`))).toMatch(SHUT_OUT);
    expect(await next.ask('write third')).toBe('written');
    expect(await sh(server, `cat ${await folderOf(volume)}/file`)).toBe('first\nsecond\nthird\n');
    for (const holder of [held, next]) holder.end();
    await outOfPod(first, volume);
    await outOfPod(second, volume);
    await detach(server, volume, second);
    await remove(server, volume);
  });

  it('does not write it either where it has got the volume back, which it mounts anew', async () => {
    const volume = await createdInPool(server, 'back');
    await attach(server, volume, first);
    const path = await inPod(first, volume);
    const held = startHolder(first);
    expect(await held.ask(`open ${path}/file`)).toBe('opened'); // its client may write with no lock that it could lose
    expect(await held.ask('write first')).toBe('written');
    await first.setLink('down');
    const late = held.ask('write late');
    await detach(server, volume, first);
    await attach(server, volume, second);
    await sh(second, `echo second >>${await inPod(second, volume)}/file`);
    await outOfPod(second, volume);
    await detach(server, volume, second);
    await attach(server, volume, first);
    await first.setLink('up');
    expect(await late).toMatch(SHUT_OUT);
    await inPod(first, volume);
    expect(await sh(first, `cat ${path}/file`)).toBe('first\nsecond\n');
    await sh(first, `echo third >>${path}/file; sync ${path}/file`);
    expect(await held.ask('write later')).toMatch(SHUT_OUT);
    held.end();
    expect(await sh(server, `cat ${await folderOf(volume)}/file`)).toBe('first\nsecond\nthird\n');
    await outOfPod(first, volume);
    await detach(server, volume, first);
    await remove(server, volume);
  });
});

if (isFull) {
  describe('a MariaDB server with its data on a volume that we serve', () => {
    let template: LabVolume;

    beforeAll(async () => {
      template = await createdInPool(server, 'template', 192);
      await attach(server, template, first);
      await initializeDatabase(first, await inPod(first, template));
      await outOfPod(first, template);
      await detach(server, template, first);
    }, 300_000);
    afterAll(() => remove(server, template));

    it('killed on one node, has every committed row on the next', async () => {
      const { volume, database, rows } = await startedOnFirst('killed');
      await database.kill();
      await rows.failure();
      await outOfPod(first, volume);
      await detach(server, volume, first);
      const next = await startedOnSecond(volume);
      await expectRows(next, rows.acknowledged());
      await over(volume, next);
    }, 300_000);

    it('alive on a node that is shut out, cannot write any more, and has every committed row on the next', async () => {
      const { volume, path, database, rows } = await startedOnFirst('alive');
      await detach(server, volume, first);
      const next = await startedOnSecond(volume);
      await expectTakenOver({ volume, path, database, rows, next });
    }, 300_000);

    it('alive on a node whose packets are lost while it is shut out, cannot write once they are not', async () => {
      const { volume, path, database, rows } = await startedOnFirst('lost');
      await first.setLink('down');
      await detach(server, volume, first);
      const next = await startedOnSecond(volume);
      await first.setLink('up');
      await expectTakenOver({ volume, path, database, rows, next });
    }, 300_000);

    /** A server on the first node that rows are being committed to. */
    async function startedOnFirst(name: string) {
      const volume = await clonedInPool(server, name, template);
      await attach(server, volume, first);
      const path = await inPod(first, volume);
      const database = await startDatabase(first, path);
      const rows = database.commitRows(0);
      await rows.progress(ROWS);
      return { volume, path, database, rows };
    }

    async function startedOnSecond(volume: LabVolume): Promise<Database> {
      await attach(server, volume, second);
      return startDatabase(second, await inPod(second, volume));
    }
  });
}

interface TakenOver {
  readonly volume: LabVolume;
  readonly path: string; // on the first node
  readonly database: Database; // there
  readonly rows: RowWriter;
  readonly next: Database;
}

/** The second node's server has every row; the first one's fails, and changes nothing whatever it does. */
async function expectTakenOver({ volume, path, database, rows, next }: TakenOver): Promise<void> {
  expect(await rows.failure()).toMatch(/ERROR/);
  const least = await expectRows(next, rows.acknowledged());
  await next.kill();
  const before = await sumsOf(volume);
  expect(await failure(database.query(`INSERT INTO ${TABLE} VALUES (1000000, '')`))).toMatch(/ERROR/);
  expect(await failure(database.query('FLUSH TABLES; SHUTDOWN'))).toBeDefined();
  expect(await failure(sh(first, `echo more >>${path}/ibdata1; sync ${path}/ibdata1`))).toMatch(SHUT_OUT);
  expect(await failure(sh(first, `touch ${path}/other`))).toMatch(SHUT_OUT);
  await database.kill();
  await sh(first, 'sync');
  expect(await sumsOf(volume)).toBe(before);
  const again = await startDatabase(second, targetPath(second, volume));
  await expectRows(again, least);
  await outOfPod(first, volume);
  await over(volume, again);
}

/** The sums of all files of a volume, as they are on the server. */
async function sumsOf(volume: LabVolume): Promise<string> {
  return sh(server, `cd ${await folderOf(volume)} && find . -type f | sort | xargs sha256sum`);
}

/** Every row whose commit was acknowledged is there, at most one more (its answer was lost), the table is sound and takes further rows. @returns the last one */
async function expectRows(database: Database, acknowledged: number): Promise<number> {
  const [least, most, count] = (await database.query(`SELECT MIN(row), MAX(row), COUNT(*) FROM ${TABLE}`)).split(/\s/);
  expect(least).toBe('1');
  expect(count).toBe(most);
  expect([acknowledged, acknowledged + 1]).toContain(Number(most));
  expect(await database.query(`CHECK TABLE ${TABLE} EXTENDED`)).toMatch(/status\s+OK/);
  const rows = database.commitRows(Number(most));
  await rows.progress(ROWS);
  await rows.end();
  expect(await database.log()).not.toMatch(/corrupt/i);
  return rows.acknowledged();
}

async function over(volume: LabVolume, database: Database): Promise<void> {
  await database.kill();
  await outOfPod(second, volume);
  await detach(server, volume, second);
  await remove(server, volume);
}
