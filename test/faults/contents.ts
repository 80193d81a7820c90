import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDiskId } from '../../src/backends/disk/id.ts';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import { itemOf, type StoredRecord } from '../../src/volumes/record.ts';
import { pathOf } from '../backends/share-setup.ts';
import type { Csi } from './in-process.ts';
import { isLvm, itemPath, type Place } from './place.ts';
import type { Running } from './running.ts';
import { createVolume, deleteVolume, type Kind, MIB, pathsOf, stage, type Target, unstage } from './verbs.ts';
import { digestOf, isStored } from './world.ts';

const PROOF = 'proof';

/** Writes random content into a volume; a file system's must be staged. Down to the disk. */
export async function fill(
  place: Place,
  { kind, name }: { kind: Kind; name: string },
  by?: { readonly csi: Csi; readonly volumeId: string },
): Promise<void> {
  const data = randomBytes(MIB / 4);
  if (isLvm(place.backend)) {
    if (by === undefined) throw new Error('a logical volume is filled by way of its driver');
    await onDevice(place, by.csi, { name, volumeId: by.volumeId }, (device) => writeSynced(device, data));
  } else if (kind === 'block') await writeSynced(await itemPath(place, 'volumes', name), data);
  else if (kind === 'xfs') await writeSynced(join(stagedAt(pathsOf(place.work, name).staging), PROOF), data);
  else await writeFile(join(await itemPath(place, 'volumes', name), PROOF), data);
}

async function writeSynced(path: string, data: Buffer): Promise<void> {
  const handle = await open(path, existsSync(path) ? 'r+' : 'w');
  try {
    await handle.write(data, 0, data.length, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What every volume and snapshot holds that is ready: `name digest`. File systems are staged for it, snapshots restored, by RPC. */
export async function contentsOf(place: Place, { driver, csi }: Running): Promise<string[]> {
  const lines: string[] = [];
  for (const record of [...driver.catalog.all()].filter(isStored)) {
    if (record.state !== 'ready') continue;
    const name =
      record.kind === 'snapshot' ? `snapshot of ${driver.catalog.volume(record.sourceId)?.name}` : record.name;
    lines.push(`${name}: ${await contentOf(place, csi, record)}`);
  }
  await driver.idle();
  return lines.sort();
}

async function contentOf(place: Place, csi: Csi, record: StoredRecord): Promise<string> {
  if (record.layout.backend === 'share') return proofIn(join(place.pool, pathOf(itemOf(record))));
  const path = join(place.pool, record.kind === 'volume' ? 'volumes' : 'snapshots', record.folder);
  if (record.layout.backend === 'disk') {
    const disk = parseDiskId(record.layout.disk);
    return disk.type === 'device' ? digestOf(disk.path) : proofIn(join(disk.mountPoint, 'volume'));
  }
  if (record.layout.backend === 'lvm')
    return volumeContent(csi, record, 'block', (volume) => onDevice(place, csi, volume, digestOf));
  if (record.layout.backend !== 'image') return proofIn(path);
  if (record.layout.content.type === 'block') return digestOf(`${path}.img`);
  return volumeContent(csi, record, 'xfs', (volume) => stagedContent(place, csi, volume));
}

/** Of a snapshot what a volume has that is restored from it. */
async function volumeContent(
  csi: Csi,
  record: StoredRecord,
  kind: Kind,
  read: (volume: { name: string; volumeId: string }) => Promise<string>,
): Promise<string> {
  if (record.kind === 'volume') return read({ name: record.name, volumeId: record.id });
  const name = 'restored';
  const volumeId = await createVolume(csi, { name, kind, fromSnapshot: record.id });
  const content = await read({ name, volumeId });
  await deleteVolume(csi, volumeId);
  return content;
}

/** By the device that NodeStage gives. */
async function onDevice<T>(
  place: Place,
  csi: Csi,
  volume: { name: string; volumeId: string },
  use: (device: string) => Promise<T>,
): Promise<T> {
  const { staging } = pathsOf(place.work, volume.name);
  const isStaged = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8')).at(stagedAt(staging)) !== undefined;
  if (isStaged) return use(stagedAt(staging));
  const target: Target = { ...volume, kind: 'block', work: join(place.work, 'state', 'proving') };
  await stage(csi, target);
  try {
    return await use(stagedAt(pathsOf(target.work, volume.name).staging));
  } finally {
    await unstage(csi, target);
    await rm(target.work, { recursive: true });
  }
}

async function stagedContent(place: Place, csi: Csi, volume: { name: string; volumeId: string }): Promise<string> {
  const { staging } = pathsOf(place.work, volume.name);
  const isStaged = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8')).at(stagedAt(staging)) !== undefined;
  if (isStaged) return proofIn(stagedAt(staging));
  // Elsewhere, so that the folder that the scenario's own staging made, or did not make, stays as it is.
  const target: Target = { ...volume, kind: 'xfs', work: join(place.work, 'state', 'proving') };
  await stage(csi, target);
  const content = await proofIn(stagedAt(pathsOf(target.work, volume.name).staging));
  await unstage(csi, target);
  return content;
}

async function proofIn(folder: string): Promise<string> {
  const file = join(folder, PROOF);
  return existsSync(file) ? digestOf(file) : 'empty';
}
