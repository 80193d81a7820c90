import { join } from 'node:path';
import type { Item, Opened } from '../../backends/backend.ts';
import { errnoOf, messageOf, StowageError } from '../../errors.ts';
import type { Context, ManagedPool } from '../context.ts';
import { withFiles, withMoveFolder } from './places.ts';
import { type Report, type Way, withProgress } from './progress.ts';
import { countWritten } from './written.ts';

/** How long letting go of an end may take after the copy has ended, however it did. */
const CLOSE_TIMEOUT_MS = 30_000;

/** One end of a move. */
export interface End {
  readonly pool: ManagedPool;
  readonly item: Item;
}

/** An end that is open. */
interface Content {
  readonly opened: Opened;
  /** The file that is the device's content, where it is a loop device. */
  readonly file: string | undefined;
  readonly sectorBytes: number; // 0 for a folder
  readonly sizeBytes: number; // 0 for a folder
}

/**
 * Fills the target, which is made and empty, with all that the source holds; durable when it settles. Neither end is in use. What fails leaves
 * the source as it was, and the target to be removed.
 */
export async function copyContent(
  context: Context,
  from: End,
  to: End,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  await withMoveFolder(context, from.item.id, async () => {
    try {
      const source = await openEnd(context, from, signal);
      const target = await openEnd(context, to, signal);
      const way = chooseWay(from, source, target);
      report({ type: 'copying', way });
      if (way === 'tree') await copyTree(context, from, source.opened, target.opened, report, signal);
      else {
        const { file } = target;
        if (file !== undefined) await close(to); // what is written to a file behind its loop device does not show there
        const measure = {
          bytes: () => allocatedBytes(context, file),
          ofBytes: () => allocatedBytes(context, source.file),
        };
        await withProgress(context, report, measure, () =>
          file === undefined ? copyDevice(context, source, target, signal) : copyFile(context, source, file, signal),
        );
      }
    } catch (error) {
      throw explainFull(error, from, to);
    } finally {
      await close(from);
      await close(to);
    }
  });
}

function close({ pool, item }: End): Promise<void> {
  return pool.backend.close(item, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
}

async function allocatedBytes({ host }: Context, file: string | undefined): Promise<number | undefined> {
  return file === undefined ? undefined : (await host.files.stat(file))?.allocatedBytes;
}

async function openEnd({ host }: Context, { pool, item }: End, signal: AbortSignal): Promise<Content> {
  const opened = await pool.backend.open(item, signal);
  if (opened.type === 'folder') return { opened, file: undefined, sectorBytes: 0, sizeBytes: 0 };
  const device = (await host.loops.list()).find(({ path }) => path === opened.path);
  const { stdout } = await host.commands.run('blockdev', ['--getss', '--getsize64', opened.path], { signal });
  const [sectorBytes = 0, sizeBytes = 0] = stdout.split('\n').map(Number);
  return { opened, file: device?.backingFile, sectorBytes, sizeBytes };
}

/**
 * Bytes are copied as they are where both ends hold the same, and the new device can be addressed as the old one was: what was written
 * for sectors of 512 bytes does not fit ones of 4096. A file's holes are passed over; a device's bytes all have to be read, so the files in it are
 * copied rather.
 */
function chooseWay({ item }: End, source: Content, target: Content): Way {
  const fsTypes = [source, target].map(({ opened }) =>
    opened.type === 'folder' ? 'folder' : (opened.fsType ?? 'block'),
  );
  const [before, after] = fsTypes;
  const isSame = before !== 'folder' && before === after && source.sizeBytes <= target.sizeBytes;
  if (before !== 'block' && after !== 'block') {
    const fits = isSame && target.sectorBytes <= source.sectorBytes;
    return fits && source.file !== undefined && target.file !== undefined ? 'file' : 'tree';
  }
  if (isSame && source.sectorBytes === target.sectorBytes) return target.file === undefined ? 'device' : 'file';
  const words = ({ sizeBytes, sectorBytes }: Content) => `${sizeBytes} bytes in sectors of ${sectorBytes}`;
  throw new StowageError(
    'precondition',
    `volume ${item.id} is a raw block device of ${words(source)}, and there it would be ${after} of ${words(target)}; choose a pool with the same sectors (blockSizeBytes)`,
  );
}

/** cp(1) asks for a clone first (FICLONE), then passes over holes (SEEK_DATA). */
async function copyFile({ host }: Context, source: Content, file: string, signal: AbortSignal): Promise<void> {
  const before = await host.files.stat(file);
  if (before === undefined) throw new StowageError('data-loss', `${file} went away while it was being filled`);
  const args = ['--reflink=auto', '--sparse=always', '--no-target-directory', '--', source.file ?? source.opened.path];
  await host.commands.run('cp', [...args, file], { signal });
  await host.files.grow(file, before.sizeBytes); // with fsync; cp had made it as short as the source
  if (before.allocatedBytes >= before.sizeBytes) await host.files.allocate(file, before.sizeBytes, signal);
}

/** All of it: what the new device holds where the old one has zeros is not known. */
async function copyDevice({ host }: Context, source: Content, target: Content, signal: AbortSignal): Promise<void> {
  const ends = [`if=${source.opened.path}`, `of=${target.opened.path}`];
  await host.commands.run('dd', [...ends, 'bs=4M', 'iflag=fullblock', 'conv=fsync,notrunc', 'status=none'], { signal });
}

async function copyTree(
  context: Context,
  from: End,
  source: Opened,
  target: Opened,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { files } = context.host;
  const { id } = from.item;
  await withFiles(context, id, 'from', source, signal, (fromFolder) =>
    withFiles(context, id, 'to', target, signal, async (toFolder) => {
      const measure = {
        bytes: await countWritten(context, toFolder),
        ofBytes: () => from.pool.backend.snapshotSizeBytes(from.item),
      };
      await withProgress(context, report, measure, () => files.copy(fromFolder, toFolder, signal));
      if (isExt4(source) && !isExt4(target)) await removeLostAndFound(context, toFolder);
    }),
  );
}

function isExt4(opened: Opened): boolean {
  return opened.type === 'device' && opened.fsType === 'ext4';
}

/** The folder that e2fsck puts things in is ext4's own, unless it has put something there. */
async function removeLostAndFound({ host }: Context, folder: string): Promise<void> {
  try {
    await host.files.removeFolder(join(folder, 'lost+found'));
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOTDIR') throw error;
  }
}

function explainFull(error: unknown, from: End, to: End): unknown {
  if (!/No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/.test(messageOf(error))) return error;
  return new StowageError(
    'exhausted',
    `what volume ${from.item.id} holds does not fit into ${to.item.sizeBytes} bytes in pool ${to.pool.name}; expand the volume first, or free some space: ${messageOf(error)}`,
    { cause: error },
  );
}
