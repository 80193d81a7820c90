import { join } from 'node:path';
import type { PoolConfig } from '../../config/schema.ts';
import type { Inspection } from '../inspect.ts';

/** Where data lies in a pool that a record should name, by the record's folder. */
const PLACES = ['volumes', 'snapshots', '.stowage/trash', '.stowage/tmp'] as const;

/** Data of a pool that no record names. */
export type Stray =
  | { readonly place: (typeof PLACES)[number]; readonly name: string; readonly path: string }
  | { readonly place: 'elsewhere'; readonly path: string }; // outside the pool's folder: where its backend keeps it

/** What lies in a pool of nobody. Beside a running driver what is just being made or removed may be among it: see isStillStray. */
export async function straysOf({ host, catalog, backendOf }: Inspection, pool: PoolConfig): Promise<Stray[]> {
  const known = knownIn({ catalog }, pool);
  const strays: Stray[] = [];
  for (const place of PLACES) {
    const folder = join(pool.path, place);
    for (const name of await host.files.list(folder))
      if (!known.has(folderOf(name))) strays.push({ place, name, path: join(folder, name) });
  }
  const { backend, items } = backendOf(pool);
  const elsewhere = (await backend.strays?.(items)) ?? [];
  return [...strays, ...elsewhere.map((path) => ({ place: 'elsewhere' as const, path }))];
}

/**
 * True if it is still there and no record names it now either. Records are written before their data and outlive it, so that one which is missing in an
 * inspection that began after the stray was seen was not there when its data was, or has gone with it since. Names do not come back: they end in random digits.
 */
export async function isStillStray(
  later: Pick<Inspection, 'catalog' | 'host'>,
  pool: PoolConfig,
  stray: Stray,
): Promise<boolean> {
  if (stray.place === 'elsewhere') return true;
  return !knownIn(later, pool).has(folderOf(stray.name)) && (await later.host.files.stat(stray.path)) !== undefined;
}

function knownIn({ catalog }: Pick<Inspection, 'catalog'>, pool: PoolConfig): Set<string> {
  return new Set([...catalog.all(pool.name)].flatMap((record) => (record.kind === 'group' ? [] : [record.folder])));
}

/** An item's folder, from the name of its data. */
export function folderOf(name: string): string {
  return name.replace(/\.(img|disk)$/, '');
}
