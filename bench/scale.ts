import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { services } from '../src/csi/services.ts';
import { folderName, newId, parseId } from '../src/volumes/ids.ts';
import { parseRecord, serializeRecord, type VolumeRecord } from '../src/volumes/record.ts';
import { type PoolConfig, type StartedDriver, start, stowage } from './drivers.ts';
import { interrupt } from './interrupt.ts';
import { load } from './load.ts';
import { createVolume, newVolume } from './phases.ts';
import type { ScaleResult } from './results.ts';
import { median } from './stats.ts';

const LISTS = 50;
const STARTS = 3;

/**
 * What very many volumes cost: start-up that recovers their records, and ListVolumes of 100 among them. The records are
 * written as files, after one that the driver made itself: creating them all by RPC would take minutes.
 */
export async function measureScale(folder: string, records: number): Promise<ScaleResult> {
  const pool: PoolConfig = { name: 'scale', backend: 'directory', path: join(folder, 'pool'), quota: 'advisory' };
  await mkdir(pool.path, { recursive: true });
  const command = await stowage(join(folder, 'driver'), pool);
  const template = await makeTemplate(await start(command), pool, folder);
  const emptyMs = await startTimes(() => start(command));
  interrupt.throwIfAborted();
  for (let index = 1; index < records; index++) writeVolume(pool, template, `scale-${index}`);
  const fullMs = await startTimes(() => start(command));
  const driver = await start(command);
  try {
    const list = (startingToken: string) =>
      driver.client.call(services.controller.ListVolumes, { maxEntries: 100, startingToken });
    const first = await list('');
    if (first.entries.length !== Math.min(100, records))
      throw new Error(`ListVolumes gives ${first.entries.length} entries`);
    const { p50Ms } = await load(LISTS, 1, () => list(first.nextToken));
    return { records, listMs: p50Ms, listCount: first.entries.length, recoveryMs: median(fullMs) - median(emptyMs) };
  } finally {
    await driver.stop();
  }
}

/** The record of a volume that the driver made, which then ends. */
async function makeTemplate(driver: StartedDriver, pool: PoolConfig, folder: string): Promise<VolumeRecord> {
  try {
    const { client, nodeId } = driver;
    const subject = { name: 'stowage', client, nodeId, kubeletFolder: folder, parameters: {}, pid: driver.process.pid };
    const volume = await newVolume(subject, 'scale-0', false);
    await createVolume(subject, volume);
    const record = parseRecord(await readFile(recordPath(pool, volume.id), 'utf8'), pool.name);
    if (record.kind !== 'volume') throw new Error(`${volume.id} is a ${record.kind}`);
    return record;
  } finally {
    await driver.stop();
  }
}

/** A volume like the template, on disk: its record and its empty folder. */
function writeVolume(pool: PoolConfig, template: VolumeRecord, name: string): void {
  const parsed = parseId(template.id);
  if (parsed.origin !== 'ours') throw new Error(`${template.id} is no id of ours`);
  const id = newId('volume', parsed.nodeHash, parsed.poolHash);
  const record = { ...template, id, name, folder: folderName(name, id) };
  mkdirSync(join(pool.path, 'volumes', record.folder));
  writeFileSync(recordPath(pool, id), serializeRecord(record), { mode: 0o600 });
}

function recordPath(pool: PoolConfig, id: string): string {
  return join(pool.path, '.stowage', 'volumes', `${id}.json`);
}

/** ms from start to the first Probe that says ready, several times. */
async function startTimes(startOnce: () => Promise<StartedDriver>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const driver = await startOnce();
    times.push(driver.readyMs);
    await driver.stop();
  }
  return times;
}
