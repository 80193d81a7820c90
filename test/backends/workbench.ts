import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, Item, SharePlace, Wish } from '../../src/backends/backend.ts';
import { snapshotLayout } from '../../src/backends/layout.ts';
import { type BackendConfig, createBackend } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { fill, fingerprint, type View } from '../support/content.ts';

/** A pool with its backend, and what tests of one do again and again. */
export interface Workbench {
  readonly inspect: Inspect;
  /** What was made here, as its pool would know it; purging takes it out again through `forget`. */
  readonly items: () => readonly Item[];
  readonly forget: (item: Item) => void;
  /** The words of what was logged as a warning or an error. */
  readonly warnings: () => readonly string[];
  readonly host: Host;
  readonly backend: Backend;
  readonly poolPath: string;
  /** Plans and creates a volume of the suite's size. */
  volume(change?: Partial<Wish>): Promise<Item>;
  filledVolume(): Promise<Item>;
  /** The item that another one of this name would be. */
  named(item: Item, name: string): Item;
  /** The item that a snapshot of this volume would be; not taken. */
  snapshotOf(source: Item): Promise<Item>;
  takeSnapshot(source: Item): Promise<Item>;
  /** Opens the volume, mounts it where it is a device with a file system, and undoes that in the end. */
  staged<T>(item: Item, use: (view: View, mountPoint: string | undefined) => Promise<T>): Promise<T>;
  fingerprint(item: Item): Promise<string>;
  /** A backend as after a restart of the process. */
  restarted(): Backend;
}

/** How a test looks behind the backend's back: what is where, by the names it has there. */
export interface Inspect {
  trashed(item: Item): Promise<readonly string[]>;
  temporary(item: Item): Promise<readonly string[]>;
  archived(item: Item): Promise<readonly string[]>;
  /** Takes the item's data away. @returns gives it back */
  hide(item: Item): Promise<() => Promise<void>>;
  /** Puts something else where the item shall be. */
  obstruct(item: Item): Promise<void>;
  /** What the backend remembers of its pool for a short time is old after this; left out where it remembers nothing. */
  letTimePass?(): void;
}

/** For data that lies in the pool's folder, beneath `volumes` and `snapshots`. */
export function inspectFolder(poolPath: string): Inspect {
  const entriesOf = async (place: string, item: Item) =>
    (await readdir(join(poolPath, place))).filter((name) => name.startsWith(item.folder));
  return {
    trashed: (item) => entriesOf('.stowage/trash', item),
    temporary: (item) => entriesOf('.stowage/tmp', item),
    archived: (item) => entriesOf('archive', item),
    async hide(item) {
      const place = item.kind === 'volume' ? 'volumes' : 'snapshots';
      const [name = ''] = await entriesOf(place, item);
      await rename(join(poolPath, place, name), join(poolPath, 'elsewhere'));
      return () => rename(join(poolPath, 'elsewhere'), join(poolPath, place, name));
    },
    async obstruct(item) {
      const place = item.kind === 'volume' ? 'volumes' : 'snapshots';
      await writeFile(join(poolPath, place, item.folder), 'in the way');
      await mkdir(join(poolPath, place, `${item.folder}.img`));
    },
  };
}

export interface Setup {
  /** Left out where the data lies in the pool's folder. */
  readonly inspect?: Inspect | undefined;
  readonly config: BackendConfig;
  /** This machine, if not given. */
  readonly host?: Host | undefined;
  readonly access: Wish['access'];
  readonly sizeBytes: number;
  readonly share?: (() => SharePlace) | undefined;
}

/** A signal that nobody gives, but that keeps a hanging test from hanging for ever. */
export const signal = () => AbortSignal.timeout(60_000);

export function createWorkbench({ config, host = createHost(), access, sizeBytes, inspect, share }: Setup): Workbench {
  const warned: string[] = [];
  const keep = (_fields: object, message: string) => {
    warned.push(message);
  };
  const log = { info: () => undefined, warn: keep, error: keep };
  const restarted = () => createBackend(config, { host, log });
  const backend = restarted();
  const made = new Map<string, Item>();
  const items = () => [...made.values()];

  async function volume(change: Partial<Wish> = {}): Promise<Item> {
    const place = share === undefined ? {} : { share: share() };
    const wish: Wish = {
      requiredBytes: sizeBytes,
      limitBytes: undefined,
      access,
      source: undefined,
      ...place,
      ...change,
    };
    const plan = await backend.plan(wish, items);
    const item: Item = { kind: 'volume', ...newName('v'), ...plan, reservedBytes: plan.sizeBytes };
    made.set(item.id, item);
    await backend.create(item, wish.source, signal());
    return item;
  }

  async function snapshotOf(source: Item): Promise<Item> {
    const size = await backend.snapshotSizeBytes(source);
    return {
      kind: 'snapshot',
      ...newName('s'),
      sizeBytes: size,
      reservedBytes: size,
      layout: snapshotLayout(source.layout),
    };
  }

  /** Binds a folder where other users than root reach it, as staging does. */
  async function bound<T>(folder: string, use: (mountPoint: string) => Promise<T>): Promise<T> {
    const mountPoint = await mkdtemp(join(tmpdir(), 'stowage-stage-'));
    await host.mounts.bind(folder, mountPoint, []);
    try {
      return await use(mountPoint);
    } finally {
      await host.mounts.detach(mountPoint);
      await rmdir(mountPoint);
    }
  }

  async function staged<T>(item: Item, use: (view: View, mountPoint: string | undefined) => Promise<T>): Promise<T> {
    const opened = await backend.open(item, signal());
    try {
      if (opened.type === 'folder') return await bound(opened.path, (path) => use({ type: 'tree', path }, path));
      const { path, fsType, mountOptions } = opened;
      if (fsType === undefined) return await use({ type: 'device', path }, undefined);
      const mountPoint = await mkdtemp(join(tmpdir(), 'stowage-stage-'));
      await host.mounts.mountDevice(path, mountPoint, fsType, mountOptions, signal());
      try {
        return await use({ type: 'tree', path: mountPoint }, mountPoint);
      } finally {
        await host.mounts.unmountDevice(mountPoint, signal());
        await rmdir(mountPoint);
      }
    } finally {
      await backend.close(item, signal());
    }
  }

  return {
    inspect: inspect ?? inspectFolder(config.path),
    items,
    warnings: () => warned,
    forget: (item) => made.delete(item.id),
    host,
    backend,
    poolPath: config.path,
    volume,
    named: (item, name) => {
      const { layout } = item;
      return {
        ...item,
        id: name,
        folder: name,
        layout: layout.backend === 'share' ? { ...layout, subDir: name } : layout,
      };
    },
    filledVolume: async () => {
      const item = await volume();
      await staged(item, fill);
      return item;
    },
    snapshotOf,
    takeSnapshot: async (source) => {
      const snapshot = await snapshotOf(source);
      await backend.snapshot([{ source, snapshot }], signal());
      return snapshot;
    },
    staged,
    fingerprint: (item) => staged(item, fingerprint),
    restarted,
  };
}

/** True if this process may grow a mounted ext4 file system: it has CAP_SYS_RESOURCE (bit 24). */
export async function mayGrowExt4(): Promise<boolean> {
  const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> 24n) & 1n) === 1n;
}

function newName(prefix: string): { id: string; folder: string } {
  const id = `${prefix}-${randomBytes(6).toString('hex')}`;
  return { id, folder: id };
}
