import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { holdsVolumes, type PoolConfig } from '../config/schema.ts';
import { messageOf, StowageError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { parseJson } from '../json.ts';

/** What a pool says of itself in `.stowage/pool.json`, and what the node remembers of it in its state folder. */
export interface PoolIdentity {
  readonly uuid: string;
  readonly backend: string;
}

const MAX_IDENTITY_BYTES = 4096;
const schema = z.object({ schema: z.literal(1), uuid: z.uuid(), backend: z.string() });

/** The folders of a pool, mode 0700; parents first. */
export const POOL_FOLDERS = [
  '.stowage',
  '.stowage/volumes',
  '.stowage/snapshots',
  '.stowage/groups',
  '.stowage/trash',
  '.stowage/tmp',
  'volumes',
  'snapshots',
  'archive',
];

/** On a share, which others may use, all that is ours but the volumes lies in one folder. */
const SHARE_FOLDERS = [
  ...POOL_FOLDERS.filter((folder) => folder.startsWith('.stowage')),
  '.stowage/copies',
  '.stowage/claims',
];

/** Where the pool keeps its identity; what this file's device and inode are tells a pool from whatever else is at its path. */
export function identityPath(pool: PoolConfig): string {
  return join(pool.path, '.stowage', 'pool.json');
}

/** Where the node remembers a pool, on the root disk. */
export function memoryPath(stateDir: string, poolName: string): string {
  return join(stateDir, 'pools', `${poolName}.json`);
}

/**
 * Makes sure that what is at the pool's path is the pool: mounted if it must be, with the UUID that this node remembers.
 * A pool that is used for the first time gets its UUID and its folders.
 * @throws 'unavailable' saying what is there instead, and what to do
 */
export async function identifyPool(host: Host, pool: PoolConfig, stateDir: string): Promise<PoolIdentity> {
  if (!holdsVolumes(pool)) await host.files.makeFolders(pool.path);
  const { found, remembered } = await seePool(host, pool, stateDir);
  const identity = found ?? { uuid: randomUUID(), backend: pool.backend };
  for (const folder of pool.backend === 'share' ? SHARE_FOLDERS : POOL_FOLDERS)
    await host.files.makeFolder(join(pool.path, folder), 0o700);
  // The pool first: dying in between leaves one that the next start takes as it is.
  if (found === undefined) await host.files.writeDurably(identityPath(pool), serialize(identity));
  if (remembered === undefined) {
    await host.files.makeFolders(join(stateDir, 'pools'));
    await host.files.writeDurably(memoryPath(stateDir, pool.name), serialize(identity));
  }
  return identity;
}

/**
 * Looks whether what is at the pool's path is the pool, and changes nothing.
 * @returns what the pool and this node say of it; neither where it was never used
 * @throws as identifyPool
 */
export async function seePool(
  host: Host,
  pool: PoolConfig,
  stateDir: string,
): Promise<{ readonly found: PoolIdentity | undefined; readonly remembered: PoolIdentity | undefined }> {
  const at = await host.files.stat(pool.path);
  if (at?.type !== 'folder' && (at !== undefined || holdsVolumes(pool))) {
    throw refused(
      pool,
      `${pool.path} is ${at === undefined ? 'missing' : `a ${at.type}`}, not a folder`,
      'create or mount it',
    );
  }
  if (pool.requireMount && (await host.mounts.table()).at(pool.path) === undefined) {
    throw refused(pool, `no file system is mounted at ${pool.path}`, 'mount its disk there (requireMount is true)');
  }
  const remembered = await readIdentity(host.files, pool, memoryPath(stateDir, pool.name));
  const found = await readIdentity(host.files, pool, identityPath(pool));
  if (remembered !== undefined && found?.uuid !== remembered.uuid) {
    const what = found === undefined ? 'no Stowage pool' : `pool ${found.uuid}`;
    throw refused(
      pool,
      `${pool.path} holds ${what}, and this node remembers pool ${remembered.uuid} there`,
      `mount the right disk, or say \`stowage pool forget ${pool.name}\``,
    );
  }
  if (found !== undefined && found.backend !== pool.backend) {
    throw refused(
      pool,
      `${pool.path} was made for backend ${found.backend}`,
      `configure it so, or use an empty folder for backend ${pool.backend}`,
    );
  }
  return { found, remembered };
}

/** The pools that this node remembers. A damaged memory is reported when its pool is opened. */
export async function listRemembered(files: Files, stateDir: string): Promise<{ name: string; uuid: string }[]> {
  const found: { name: string; uuid: string }[] = [];
  for (const file of await files.list(join(stateDir, 'pools'))) {
    if (!file.endsWith('.json')) continue;
    const identity = schema.safeParse(
      parseJson((await files.read(join(stateDir, 'pools', file), MAX_IDENTITY_BYTES)) ?? ''),
    );
    if (identity.success) found.push({ name: file.slice(0, -'.json'.length), uuid: identity.data.uuid });
  }
  return found;
}

/** Forgets a pool of this node, so that another disk may take its place. @returns false where it was not remembered */
export async function forgetPool(files: Files, stateDir: string, poolName: string): Promise<boolean> {
  const path = memoryPath(stateDir, poolName);
  if ((await files.stat(path)) === undefined) return false;
  await files.removeDurably(path);
  return true;
}

async function readIdentity(files: Files, pool: PoolConfig, path: string): Promise<PoolIdentity | undefined> {
  const text = await files.read(path, MAX_IDENTITY_BYTES);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw refused(
      pool,
      `${path} is damaged (${messageOf(error)})`,
      'restore it from a copy; its volumes need the UUID in it',
    );
  }
}

function serialize(identity: PoolIdentity): string {
  return `${JSON.stringify({ schema: 1, ...identity })}\n`;
}

function refused(pool: PoolConfig, found: string, remedy: string): StowageError {
  return new StowageError('unavailable', `pool ${pool.name} cannot be used: ${found}; ${remedy}`);
}
