import { join } from 'node:path';
import { takeServer } from '../../lab/support-exports.ts';
import { makeDriver } from '../../support/driver.ts';
import { backend } from '../backends.ts';
import { createModel, type ModelVolume } from '../model.ts';
import { factsOfPools, same, type World } from '../world.ts';
import { rulesOf } from './rules.ts';

/** Of the server and of the node whose mounts are looked at: one machine. */
export const ADDRESS = '127.0.0.1';
export const NODE = `node-1|${ADDRESS}`;
/** The same machine by another name. */
export const ALIAS = `alias|${ADDRESS}`;
/** The last one is one that nothing is mounted on. */
export const NODES = [NODE, NODE, NODE, ALIAS, 'node-2|10.0.0.2', 'node-2|10.0.0.2'];

/** A driver whose pools the guest's own server exports. */
export interface ManagedWorld extends World {
  readonly root: string; // what is exported lies beneath it
  readonly uses: Uses;
  readonly fsids: Fsids;
  readonly giveBack: () => Promise<void>;
}

/** Of the file handles that nodes have: each attachment has its own. */
export interface Fsids {
  /** Those of exports that there are, by path and client. */
  readonly current: Map<string, string>;
  /** Those of exports that there were. */
  readonly spent: Set<string>;
}

/** From which attachment of this machine a volume's mounts are: those of earlier ones are stale. */
export interface Use {
  attachment: number | undefined; // undefined: shut out
  staged: number | undefined;
  readonly targets: Map<string, number | undefined>;
}

export interface Uses {
  of(volume: ModelVolume): Use;
  /** After the volume was attached or detached. */
  follow(volume: ModelVolume): void;
}

const MIB = 1024 ** 2;
const POOLS = backend(
  'pools that are exported',
  { kind: 'xfs-quota', sizeBytes: 1024 * MIB, config: { backend: 'directory' }, volumeBytes: 8 * MIB },
  { kind: 'btrfs', sizeBytes: 2048 * MIB, config: { backend: 'btrfs' }, volumeBytes: 16 * MIB },
).pools;

/** Whose volumes show their limits as the size of their file system. */
export const XFS_POOL = POOLS[0]?.name;

export async function makeManagedWorld(): Promise<ManagedWorld> {
  const giveBack = await takeServer();
  try {
    const at = await makeDriver({ pools: POOLS, server: ADDRESS, nodeId: NODE });
    const root = join(at.folder, 'state/exports');
    const uses = createUses();
    const rules = rulesOf(root, uses);
    const pools = await factsOfPools(at, POOLS);
    return {
      at,
      model: createModel(),
      pools,
      rules,
      root,
      uses,
      giveBack,
      fsids: { current: new Map(), spent: new Set() },
    };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

export async function cleanUpManaged({ at, giveBack }: ManagedWorld): Promise<void> {
  await at.stop();
  await giveBack();
  await at.cleanup();
}

function createUses(): Uses {
  const uses = new Map<string, Use>();
  let attachments = 0;
  const of = ({ id }: ModelVolume) => {
    const use = uses.get(id) ?? { attachment: undefined, staged: undefined, targets: new Map() };
    uses.set(id, use);
    return use;
  };
  return {
    of,
    follow(volume) {
      const use = of(volume);
      if (![...volume.attached.keys()].some(isHere)) use.attachment = undefined;
      else use.attachment ??= ++attachments;
    },
  };
}

export const isHere = (nodeId: string) => nodeId.endsWith(`|${ADDRESS}`);

/** Where a volume is while it is exported. */
export function exportPath({ root, at }: ManagedWorld, { id }: ModelVolume): string {
  return join(root, at.contextOf(id).share ?? '');
}

/** Throws unless a node may be led to the volume by this. */
export function checkContextOf(root: string, context: Readonly<Record<string, string>>, pool: string): void {
  const { share = '', ...rest } = context;
  same(
    'where it is',
    { ...rest, share: share.slice(0, share.lastIndexOf('/')) },
    {
      server: ADDRESS,
      exportRoot: root,
      share: `/${pool}`,
    },
  );
}
