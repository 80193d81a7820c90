import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CONFIG_SCHEMAS } from '../../src/config/schema.ts';
import type { Files } from '../../src/host/files.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { AdoptEvent, AdoptWish } from '../../src/volumes/adopt.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import type { CreateVolumeRequest } from '../../src/volumes/requests.ts';
import { openPlainShare, withPlainShare } from '../faults/share.ts';
import { codeOf, MIB, signal, unmountBeneath } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const SHARE = { server: 'server.test', share: '/' } as const;

let share: TestPool;
let folder: string;
let host: Host;
let driver: Driver;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-adopt-'));
  share = await makePool('xfs', 400 * MIB);
  await rm(join(share.path, '.stowage'), { recursive: true, force: true });
  await Promise.all(
    ['volumes', 'snapshots', 'archive'].map((name) => rm(join(share.path, name), { recursive: true, force: true })),
  );
  host = withPlainShare(createHost(join(folder, 'run')), share.path);
  for (const name of ['old', 'team/data']) {
    await mkdir(inShare(name), { recursive: true });
    await writeFile(inShare(name, 'file'), name);
  }
  driver = await opened();
});
afterEach(async () => {
  await driver.stop();
  await unmountBeneath(folder);
  await share.cleanup();
  await rm(folder, { recursive: true, force: true });
});

const inShare = (...names: string[]) => join(share.path, ...names);

async function opened(files: Files = host.files): Promise<Driver> {
  const opening = await openDriver({
    config: CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', stateDir: join(folder, 'state'), trashBytesPerSecond: 0 }),
    nodeId: 'node-1|127.0.0.1',
    host,
    log: createLog('silent'),
    openShareFiles: openPlainShare({ files }),
  });
  await opening.recovered;
  return opening;
}

async function reopened(files?: Files): Promise<void> {
  await driver.stop();
  driver = await opened(files);
}

const wish = (name: string, change: Partial<AdoptWish> = {}): AdoptWish => ({
  ...SHARE,
  name,
  subDir: 'old',
  options: [],
  sizeBytes: 10 * MIB,
  onDelete: 'delete',
  ...change,
});

async function adopt(volumes: readonly AdoptWish[], isDryRun = false): Promise<AdoptEvent[]> {
  const events: AdoptEvent[] = [];
  await driver.adopt({ volumes, isDryRun }, (event) => events.push(event), signal());
  return events;
}

async function adoptedId(one: AdoptWish): Promise<string> {
  const [event] = await adopt([one]);
  if (event?.type !== 'adopted' || event.id === undefined) throw new Error(JSON.stringify(event));
  return event.id;
}

const short = (events: readonly AdoptEvent[]) =>
  events.map((event) => (event.type === 'adopted' ? 'adopted' : event.code));
const deleted = async (volumeId: string) => {
  await driver.service.deleteVolume({ volumeId }, signal());
  await driver.idle();
};

const request = (name: string, subDir: string): CreateVolumeRequest => ({
  name,
  size: { requiredBytes: MIB, limitBytes: undefined },
  capabilities: [{ access: { type: 'mount', fsType: undefined, mountFlags: [] }, mode: 'MULTI_NODE_MULTI_WRITER' }],
  parameters: { share: { source: SHARE, options: [], subDir, mode: undefined, uid: undefined, gid: undefined } },
  mutableParameters: {},
  source: undefined,
  requisite: [],
});

/** What is on the share, but for our own folder: a line for each, with owner, mode and time. */
async function content(): Promise<string[]> {
  const names = await readdir(share.path, { recursive: true });
  const kept = names.filter((name) => !name.startsWith('.stowage')).sort();
  return Promise.all(
    kept.map(async (name) => {
      const { mode, uid, mtimeMs, ino } = await stat(inShare(name));
      return `${name} ${mode} ${uid} ${mtimeMs} ${ino}`;
    }),
  );
}

describe('a folder that is adopted', () => {
  it('is a volume as it is: nothing of it is changed', async () => {
    const before = await content();
    const [event] = await adopt([wish('pvc-1')]);
    expect(event).toEqual({
      type: 'adopted',
      name: 'pvc-1',
      id: expect.stringMatching(/^stw1v-/),
      context: { ...SHARE, subDir: 'old' },
      wasThere: false,
    });
    expect(await content()).toEqual(before);
    await reopened();
    expect(await adopt([wish('pvc-1')])).toEqual([{ ...event, wasThere: true }]);
    const { entries } = await driver.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
    expect(entries).toMatchObject([{ volume: { sizeBytes: 10 * MIB }, condition: { abnormal: false } }]);
    expect(await content()).toEqual(before);
  });

  it.each([
    ['delete', []],
    ['retain', ['old']],
    ['archive', ['archived-old']],
  ] as const)('goes as %s says', async (onDelete, left) => {
    await deleted(await adoptedId(wish('pvc-1', { onDelete })));
    expect((await readdir(share.path)).filter((name) => name.includes('old'))).toEqual(left);
    expect(await readFile(inShare('team/data/file'), 'utf8')).toBe('team/data');
  });

  it('may be several volumes, which are kept, and then stays when they go', async () => {
    const shared = ['pvc-1', 'pvc-2'].map((name) => wish(name, { onDelete: 'retain' }));
    const events = await adopt([...shared, wish('pvc-3')]);
    expect(short(events)).toEqual(['adopted', 'adopted', 'already-exists']);
    for (const event of events) if (event.type === 'adopted' && event.id !== undefined) await deleted(event.id);
    expect(await readFile(inShare('old/file'), 'utf8')).toBe('old');
  });

  it('is none that is another volume, or lies in or around one', async () => {
    await driver.service.createVolume(request('ours', 'ours/deep'), signal());
    const events = await adopt([
      wish('pvc-1', { subDir: 'ours/deep' }),
      wish('pvc-2', { subDir: 'ours' }),
      wish('pvc-3', { subDir: 'team' }),
      wish('pvc-4', { subDir: 'team/data' }),
      wish('ours'),
    ]);
    expect(short(events)).toEqual(['already-exists', 'already-exists', 'adopted', 'already-exists', 'already-exists']);
    // And what was adopted is none that a new volume may have.
    expect(await codeOf(driver.service.createVolume(request('new', 'team/data'), signal()))).toBe('already-exists');
  });

  it('is none in which, or above which, another share has its volumes', async () => {
    await driver.service.createVolume(request('ours', 'ours'), signal());
    await mkdir(inShare('old/.stowage'));
    await mkdir(inShare('old/inner'));
    const events = await adopt([
      wish('pvc-1'),
      wish('pvc-2', { subDir: 'old/inner' }),
      wish('pvc-3', { subDir: 'team' }),
    ]);
    expect(short(events)).toEqual(['already-exists', 'already-exists', 'adopted']);
  });

  it('is refused in words where it is not what it should be, and the others are adopted', async () => {
    await symlink('old', inShare('link'));
    await symlink('/etc', inShare('out'));
    await writeFile(inShare('file'), 'no folder');
    const events = await adopt([
      wish('missing', { subDir: 'none' }),
      wish('link', { subDir: 'link' }),
      wish('beyond-a-link', { subDir: 'out/ssh' }),
      wish('file', { subDir: 'file' }),
      wish('out', { subDir: '../x' }),
      wish('root', { subDir: '/' }),
      wish('ours', { subDir: '.stowage/trash' }),
      wish('options', { options: ['a b'] }),
      wish('server', { server: 'a,b' }),
      wish('pvc-1'),
    ]);
    expect(short(events)).toEqual([
      'not-found',
      'precondition',
      'precondition',
      'precondition',
      ...Array<string>(5).fill('invalid'),
      'adopted',
    ]);
    for (const event of events)
      if (event.type === 'refused') expect(event.message).toMatch(/subDir|mountOptions|server|on the share/);
  });
});

describe('an adoption of many', () => {
  it('ends where it is interrupted, and goes on when it is asked again', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `many-${index}`);
    for (const name of names) await mkdir(inShare(name));
    const volumes = names.map((name) => wish(name, { subDir: name }));
    const abort = new AbortController();
    let count = 0;
    const adopting = driver.adopt({ volumes, isDryRun: false }, () => ++count === 3 && abort.abort(), abort.signal);
    await expect(adopting).rejects.toThrow('aborted');
    expect(await readdir(inShare('.stowage/claims'))).toHaveLength(3);
    const events = await adopt(volumes);
    expect(events.map((event) => event.type === 'adopted' && event.wasThere)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('a dry run', () => {
  it('says the same, and changes nothing, on a share that is new and on one that is known', async () => {
    const volumes = [
      wish('pvc-1'),
      wish('pvc-2'),
      wish('pvc-3', { subDir: 'team/data' }),
      wish('pvc-4', { subDir: 'team' }),
      wish('pvc-5', { subDir: 'none' }),
    ];
    const expected = ['adopted', 'already-exists', 'adopted', 'already-exists', 'not-found'];
    expect(short(await adopt(volumes, true))).toEqual(expected);
    expect(await readdir(share.path)).not.toContain('.stowage');
    expect(await readdir(join(folder, 'state', 'shares'))).toEqual([]);
    expect(short(await adopt(volumes))).toEqual(expected);
    const dry = await adopt(volumes, true);
    expect(dry.map((event) => event.type === 'adopted' && event.wasThere)).toEqual([true, false, true, false, false]);
    await reopened();
    expect(short(await adopt(volumes, true))).toEqual(expected);
  });
});

describe('an adoption that fails at any call to the share', () => {
  it('leaves the folder as it was, and goes on when it is asked again', async () => {
    const before = await content();
    let fails = 0;
    for (let at = 1; ; at++) {
      let calls = 0;
      await reopened(failing(host.files, () => ++calls === at));
      const [event] = await adopt([wish('pvc-1')]);
      if (event?.type === 'adopted' && calls < at) break;
      fails++;
      expect(await content()).toEqual(before);
      await reopened(); // as after a crash
      expect(await content()).toEqual(before);
      const id = await adoptedId(wish('pvc-1'));
      expect(await readdir(inShare('.stowage/volumes'))).toEqual([`${id}.json`]);
      expect(await readdir(inShare('.stowage/claims'))).toHaveLength(1);
      // Made undone, so that the next round begins anew; the folder stays.
      await driver.service.modifyVolume({ volumeId: id, mutableParameters: { onDelete: 'retain' } }, signal());
      await deleted(id);
      for (const name of ['volumes', 'claims']) {
        for (const file of await readdir(inShare('.stowage', name))) await rm(inShare('.stowage', name, file));
      }
    }
    expect(fails).toBeGreaterThan(5);
    expect(await content()).toEqual(before);
  });
});

/** Files of which the calls that `strikes` chooses fail. */
function failing(files: Files, strikes: () => boolean): Files {
  const struck =
    <Args extends readonly unknown[], Answer>(method: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      if (strikes()) throw Object.assign(new Error('EIO: struck'), { code: 'EIO', syscall: 'test' });
      return method(...args);
    };
  return {
    ...files,
    stat: struck(files.stat),
    read: struck(files.read),
    list: struck(files.list),
    makeFolder: struck(files.makeFolder),
    openFolder: struck(files.openFolder),
    async writeDurably(path, text) {
      await struck(files.stat)(path); // before
      await files.writeDurably(path, text);
      await struck(files.stat)(path); // and behind it
    },
  };
}
