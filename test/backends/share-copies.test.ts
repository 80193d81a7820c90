import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, Item } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import { DRIVER_STOPS } from '../../src/backends/signals.ts';
import { StowageError } from '../../src/errors.ts';
import type { Files, TreeCopyProgress } from '../../src/host/files.ts';
import { createHost } from '../../src/host/system.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { fill, fingerprint } from '../support/content.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { newPlace } from './share-setup.ts';
import { signal } from './workbench.ts';

const FILES = 30;
const STOP_AT = 10;
const real = createHost();
const isCopy = (name: string) => name.startsWith('target');

let pool: TestPool;
let metrics: Metrics;
let source: Item;
let target: Item;
let logged: { fields: object; message: string }[];
let onFile: (files: number) => void; // while a copy runs
let ended: TreeCopyProgress[];

const copyTree: Files['copyTree'] = async (from, to, given, onProgress) => {
  const progress = await real.files.copyTree(from, to, given, (now) => {
    onProgress?.(now);
    onFile(now.files);
  });
  ended.push(progress);
  return progress;
};

/** As after a start of the driver. */
function started(files: Files = { ...real.files, copyTree }): Backend {
  const keep = (fields: object, message: string) => void logged.push({ fields, message });
  const log = { info: keep, warn: keep, error: keep };
  const config = { backend: 'share', name: 'share-1', path: pool.path } as const;
  return createBackend(config, { host: { ...real, files }, log, metrics });
}

async function item(name: string): Promise<Item> {
  const access = { type: 'mount', fsType: undefined } as const;
  const wish = { requiredBytes: 1, limitBytes: undefined, access, source: undefined, share: newPlace() };
  const plan = await started().plan(wish, () => []);
  return { kind: 'volume', id: name, folder: name, ...plan, reservedBytes: plan.sizeBytes };
}

const pathOf = ({ layout }: Item) => join(pool.path, layout.backend === 'share' ? layout.subDir : '');
const printOf = (of: Item) => fingerprint({ type: 'tree', path: pathOf(of) });
const temporary = async () => (await readdir(join(pool.path, '.stowage/tmp'))).filter(isCopy);

beforeEach(async () => {
  pool = await makePool('folder');
  for (const folder of ['copies', 'claims']) await mkdir(join(pool.path, '.stowage', folder));
  metrics = await createMetrics();
  logged = [];
  ended = [];
  onFile = () => undefined;
  source = await item('source');
  target = await item('target');
  await started().create(source, undefined, signal());
  await fill({ type: 'tree', path: pathOf(source) });
  for (let index = 0; index < FILES; index++) await writeFile(join(pathOf(source), `${index}`), 'x'.repeat(5000));
});
afterEach(() => pool.cleanup());

/** A copy that is ended when some files are done. @returns how many were */
async function cutOff(reason: unknown): Promise<number> {
  const abort = new AbortController();
  let done = 0;
  onFile = (files) => {
    done = files;
    if (files >= STOP_AT) abort.abort(reason);
  };
  await expect(started().create(target, source, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
  onFile = () => undefined;
  return done;
}

describe('a copy on a share', () => {
  it("goes on after the driver's end where it had come to", async () => {
    const done = await cutOff(DRIVER_STOPS);
    expect(await temporary()).toEqual(['target']);
    const backend = started();
    await backend.recover([source, target], signal());
    expect(await temporary()).toEqual(['target']);
    expect(await backend.exists(target)).toBe(false);
    await backend.create(target, source, signal());
    expect(await printOf(target)).toBe(await printOf(source));
    expect(ended).toMatchObject([{ filesKept: done }]);
    expect(await temporary()).toEqual([]);
  });

  it('goes on after the server was silent', async () => {
    const away = new StowageError('unavailable', 'server:/share does not answer');
    let isAway = true;
    const files: Files = {
      ...real.files,
      async copyTree(from, to, given, onProgress) {
        const progress = await copyTree(from, to, given, onProgress);
        if (isAway) throw away;
        return progress;
      },
    };
    await expect(started(files).create(target, source, signal())).rejects.toBe(away);
    isAway = false;
    await started(files).create(target, source, signal());
    expect(await printOf(target)).toBe(await printOf(source));
    expect(ended.map(({ filesKept, files: all }) => all - filesKept)).toEqual([expect.any(Number), 0]);
  });

  it('leaves nothing when it is given up, when it fails, and when it has no record', async () => {
    await cutOff(undefined);
    expect(await temporary()).toEqual([]);
    const copyTreeOf = () => Promise.reject(new StowageError('internal', 'broken'));
    const broken = started({ ...real.files, copyTree: copyTreeOf }).create(target, source, signal());
    await expect(broken).rejects.toMatchObject({ message: 'broken' });
    expect(await temporary()).toEqual([]);
    await cutOff(DRIVER_STOPS);
    await started().recover([source], signal());
    expect(await temporary()).toEqual([]);
    await cutOff(DRIVER_STOPS);
    await started().purge(target, signal());
    expect(await temporary()).toEqual([]);
  });

  it('is told of in the log and the metrics', async () => {
    await started().create(target, source, signal());
    const [{ clonedBytes, rangeBytes, copiedBytes, files } = { clonedBytes: 0 }] = ended;
    const after = await metrics.registry.metrics();
    for (const [how, bytes] of [
      ['clone', clonedBytes],
      ['copy_file_range', rangeBytes],
      ['read_write', copiedBytes],
    ])
      expect(after).toContain(`stowage_copied_bytes_total{pool="share-1",how="${how}"} ${bytes}`);
    expect(logged.filter(({ message }) => message.startsWith('cop'))).toMatchObject([
      { message: 'copying begins', fields: { item: 'target', source: 'source' } },
      { message: 'copied', fields: { item: 'target', files, filesFound: files } },
    ]);
  });
});
