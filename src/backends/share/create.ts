import { errnoOf, isStowageError, messageOf, StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import type { Item, SharePlace } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import { endIfAborted } from '../signals.ts';
import type { Claims } from './claims.ts';
import type { Copier } from './copy.ts';
import { foreign, parentOf } from './place.ts';
import type { SharePlaces } from './places.ts';

interface Deps {
  readonly files: Files;
  readonly places: SharePlaces;
  readonly claims: Claims;
  readonly copier: Copier;
}

/**
 * Makes the item's folder, empty or as a copy of the source, with the owner and mode that were asked for; see Backend.create. A folder that several
 * volumes share is taken as it is where it is there.
 */
export async function createFolder(
  deps: Deps,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { places, claims } = deps;
  if (item.kind === 'snapshot' || shareLayout(item).shared) {
    if (!(await places.exists(item))) await build(deps, item, source, signal);
    return;
  }
  if (source === undefined && (await makeAtOnce(deps, item, signal))) return;
  const isNew = await places.claim(item);
  await releasingForeign(claims, item, async () => {
    if (source === undefined) await makeEmpty(deps, item, isNew, signal);
    else if (isNew || !(await places.exists(item))) await build(deps, item, source, signal);
  });
}

/** The usual case, an empty folder right in the share that nobody has been at: one call to the share's process instead of two. @returns false for all else */
async function makeAtOnce({ places, claims }: Deps, item: Item, signal: AbortSignal): Promise<boolean> {
  const { subDir, mode, uid, gid } = shareLayout(item);
  if (parentOf(subDir) !== '' || uid !== undefined || gid !== undefined) return false;
  endIfAborted(signal, `making ${item.kind} ${item.id}`);
  return releasingForeign(claims, item, () => places.makeClaimed(item, mode ?? DEFAULT_MODE));
}

/** Makes what lies in a claimed place. Where somebody's own folder came into it, the claim ends: with it the folder would go to the trash, where this creation is undone. */
async function releasingForeign<T>(claims: Claims, item: Item, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (isStowageError(error, 'already-exists')) await claims.release(item);
    throw error;
  }
}

/** An empty folder needs no temporary name: it is made by one request, and its owner and mode may be set again. */
async function makeEmpty({ files, places }: Deps, item: Item, isNew: boolean, signal: AbortSignal): Promise<void> {
  endIfAborted(signal, `making ${item.kind} ${item.id}`);
  const place = shareLayout(item);
  const isMade = await places.make(item, place.mode ?? DEFAULT_MODE);
  if (!isMade && isNew) throw foreign(place.subDir);
  if (place.uid === undefined && place.gid === undefined && isMade) return;
  await places.within(item, (path) => setOwner(files, `${path}/.`, place));
}

function build(deps: Deps, item: Item, source: Item | undefined, signal: AbortSignal): Promise<void> {
  const { files, places } = deps;
  const place = shareLayout(item);
  return places.build(
    item,
    async (path) => {
      if (source !== undefined) await copyContent(deps, item, source, path, signal);
      if (item.kind === 'volume') await setOwner(files, path, place);
    },
    { signal, mode: place.mode ?? DEFAULT_MODE, resumes: source !== undefined },
  );
}

async function copyContent(
  { places, copier }: { places: SharePlaces; copier: Copier },
  item: Item,
  source: Item,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (!(await places.exists(source))) {
    throw new StowageError(
      'data-loss',
      `${source.kind} ${source.id}: its folder ${places.relative(source)} is missing on the share`,
    );
  }
  await places.within(source, (from) => copier.copy(item, source, { from, to: path }, signal));
}

/** As csi-driver-nfs makes them: pods of any user may write. */
const DEFAULT_MODE = 0o777;

/** Also of a copy, whose root has its source's. */
async function setOwner(files: Files, path: string, { mode, uid, gid }: SharePlace): Promise<void> {
  if (uid !== undefined || gid !== undefined) {
    try {
      await files.chown(path, uid ?? KEEP, gid ?? KEEP);
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error;
      throw new StowageError(
        'precondition',
        `the server does not let root give folders away (${messageOf(error)}); export the share with no_root_squash, or leave uid and gid out of the StorageClass`,
        { cause: error },
      );
    }
  }
  if (mode !== undefined) await files.chmod(path, mode);
}

/** chown(2): -1 leaves it as it is. */
const KEEP = -1;
