import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf, StowageError } from '../../errors.ts';
import type { Commands } from '../../host/command.ts';
import type { Disk } from '../../host/disks.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { ImageContent, Item } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import { endIfAborted } from '../signals.ts';
import { allClaims, type Claim, readClaim, removeClaim, writeClaim } from './claim.ts';
import type { DiskPool } from './context.ts';
import { whyNotFree } from './free.ts';
import { parseDiskId } from './id.ts';
import { findByMarker, locate } from './locate.ts';
import { type FoundDisk, look } from './look.ts';
import { VOLUME_FOLDER, within, writeMarker } from './marker.ts';
import { clearSignatures } from './wipe-device.ts';

const CLEANUP_TIMEOUT_MS = 30_000;

/**
 * Makes the disk the volume's; see Backend.create. The disk is looked at once more, then claimed, before anything is written to it: what
 * a crash leaves is a claim in phase `preparing`, whose disk holds nothing of anyone.
 */
export async function createDisk(
  pool: DiskPool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  endIfAborted(signal, `making volume ${item.id}`);
  if (source !== undefined) {
    throw new StowageError('unsupported', `pool ${pool.settings.name} keeps whole disks, which are never copied`);
  }
  const before = await readClaim(pool, item);
  if (before !== undefined && before.phase !== 'preparing') return;
  const id = parseDiskId(diskLayout(item).disk);
  if (id.type === 'folder') await takeFolder(pool, item, before, id.uuid, id.mountPoint);
  else await takeDevice(pool, item, before, signal);
}

async function takeDevice(pool: DiskPool, item: Item, before: Claim | undefined, signal: AbortSignal): Promise<void> {
  const located = await locate(pool, item);
  const { content } = diskLayout(item);
  if (located.type !== 'device' || content.type === 'folder') throw contradiction(item);
  const { disk } = located;
  if (before === undefined)
    await checkFree(pool, item, (found) => found.type === 'device' && found.disk.number === disk.number);
  const fsUuid = content.type === 'mount' ? { fsUuid: before?.fsUuid ?? randomUUID() } : {};
  const claim: Claim = { ...newClaim(item), errorCount: disk.errorCount, ...fsUuid };
  await writeClaim(pool, item, claim);
  pool.verdicts.forget();
  try {
    if (before !== undefined) await clearSignatures(pool, disk, signal);
    await format(pool.host.commands, content, disk, claim.fsUuid, signal);
    await pool.host.files.sync(disk.path);
    endIfAborted(signal, `making volume ${item.id}`);
    await writeClaim(pool, item, { ...claim, phase: 'ready' });
  } catch (error) {
    await giveBack(pool, item, disk);
    throw error;
  }
}

/** Leaves nothing where making failed. What cannot be undone now stays claimed, for discard and purge to undo. */
async function giveBack(pool: DiskPool, item: Item, disk: Disk): Promise<void> {
  try {
    await clearSignatures(pool, disk, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
    await removeClaim(pool, item);
  } catch (error) {
    pool.log.warn(
      { item: item.id, disk: disk.path, error: messageOf(error) },
      'a disk that could not be made a volume stays claimed',
    );
  }
}

async function takeFolder(
  pool: DiskPool,
  item: Item,
  before: Claim | undefined,
  uuid: string,
  mountPoint: string,
): Promise<void> {
  const mount = (await findByMarker(pool, uuid)) ?? (await unmarkedAt(pool, item, mountPoint));
  if (before === undefined)
    await checkFree(pool, item, (found) => found.type === 'folder' && found.name === mount.mountPoint);
  const claim = newClaim(item);
  await writeClaim(pool, item, claim);
  pool.verdicts.forget();
  await writeMarker(pool, mount.mountPoint, uuid);
  await within(pool, mount.mountPoint, '', (root) =>
    pool.host.files.makeFolder(join(root, VOLUME_FOLDER), pool.settings.folderMode),
  );
  await writeClaim(pool, item, { ...claim, phase: 'ready' });
}

/** The file system that was planned with, before it had a marker. */
async function unmarkedAt(pool: DiskPool, item: Item, mountPoint: string): Promise<MountEntry> {
  const { disks } = await look(pool);
  const found = disks.find((disk) => disk.type === 'folder' && disk.name === mountPoint && disk.uuid === undefined);
  if (found?.type === 'folder') return found.mount;
  throw new StowageError(
    'unavailable',
    `volume ${item.id}: the free file system at ${mountPoint} is not there any more`,
  );
}

async function checkFree(pool: DiskPool, item: Item, isIt: (found: FoundDisk) => boolean): Promise<void> {
  const { disk } = diskLayout(item);
  const other = (await allClaims(pool)).find((claim) => claim.disk === disk && claim.item !== item.id);
  const now = await look(pool);
  const found = now.disks.find(isIt);
  const why =
    other !== undefined
      ? `it is volume ${other.item}'s`
      : found === undefined
        ? 'it is not in the pool'
        : await whyNotFree(pool, found, now.table, 'fresh');
  if (why === undefined) return;
  throw new StowageError(
    'unavailable',
    `volume ${item.id}: disk ${disk} is not free any more: ${why}; ask again for another`,
  );
}

function newClaim(item: Item): Claim {
  const { disk } = diskLayout(item);
  return { schema: 1, item: item.id, disk, sizeBytes: item.sizeBytes, phase: 'preparing', errorCount: 0 };
}

/** Both programs refuse a disk that is in use; mkfs.xfs also one with a signature. What was there was discarded when it was wiped. */
async function format(
  commands: Commands,
  content: ImageContent,
  disk: Disk,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (content.type === 'block' || uuid === undefined) return;
  const args =
    content.fsType === 'ext4'
      ? ['-q', '-m', '0', '-b', '4096', '-E', 'nodiscard', '-U', uuid]
      : ['-q', '-K', '-m', `uuid=${uuid}`];
  await commands.run(`mkfs.${content.fsType}`, [...args, disk.path], { signal });
}

function contradiction(item: Item): StowageError {
  const { disk, content } = diskLayout(item);
  return new StowageError(
    'data-loss',
    `volume ${item.id}: disk ${disk} cannot be a ${content.type}: its record is damaged`,
  );
}
