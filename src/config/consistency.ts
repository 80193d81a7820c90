import type { Config, PoolConfig } from './schema.ts';

interface Place {
  readonly key: string; // pools[0].path
  readonly path: string;
  readonly nodes: readonly string[] | undefined; // undefined: all
}

/**
 * What is wrong between keys that are right by themselves: two pools of one name on a node, and pools, host paths and the
 * state folder that lie in one another. Pools that share no node may have the same name and path.
 */
export function findContradictions(config: Config): string[] {
  return [...repeatedNames(config.pools), ...nestedPlaces(config), ...diskProblems(config.pools)];
}

/** A whole disk is promised once, and belongs to one pool of a node. */
function diskProblems(pools: readonly PoolConfig[]): string[] {
  const single = pools.flatMap((pool, index) => {
    if (pool.backend !== 'disk') return [];
    const isEmpty = pool.devices.length === 0 && pool.discovery === undefined;
    return [
      ...(isEmpty ? [`pools[${index}].devices: a pool of disks needs devices, a discovery folder, or both`] : []),
      ...(pool.overcommit === 1
        ? []
        : [`pools[${index}].overcommit: must be 1 for whole disks, found ${pool.overcommit}`]),
    ];
  });
  const shared = pairs(pools).flatMap(([first, second, i, j]) => {
    if (first.backend !== 'disk' || second.backend !== 'disk' || !meet(first.nodes, second.nodes)) return [];
    const both = second.devices.filter((device) => first.devices.includes(device));
    return both.map(
      (device) => `pools[${j}].devices: ${device} is a disk of pools[${i}] too; it can be one pool's only`,
    );
  });
  return [...single, ...shared];
}

function repeatedNames(pools: readonly PoolConfig[]): string[] {
  return pairs(pools).flatMap(([first, second, i, j]) =>
    first.name === second.name && meet(first.nodes, second.nodes)
      ? [`pools[${j}].name: ${second.name} is the name of pools[${i}] too, and a node would have both`]
      : [],
  );
}

function nestedPlaces(config: Config): string[] {
  const pools = config.pools.map(({ path, nodes }, index) => ({ key: `pools[${index}].path`, path, nodes }));
  // Plain volumes may lie on the disks there (hostPaths): one that holds something is left alone.
  const discoveries = config.pools.flatMap((pool, index): Place[] =>
    pool.backend === 'disk' && pool.discovery !== undefined
      ? [{ key: `pools[${index}].discovery`, path: pool.discovery, nodes: pool.nodes }]
      : [],
  );
  const others: Place[] = config.hostPaths.map((path, index) => ({
    key: `hostPaths[${index}]`,
    path,
    nodes: undefined,
  }));
  const state: Place = { key: 'stateDir', path: config.stateDir, nodes: undefined };
  return [
    ...pairs([...pools, ...discoveries]).flatMap(([first, second]) =>
      overlap(first, second) ? [describe(second, first)] : [],
    ),
    // A pool may lie in the state folder (on a disk of its own), but not hold it: what a pool is, is remembered there.
    ...[...pools, ...discoveries].flatMap((pool) => (isWithin(state.path, pool.path) ? [describe(state, pool)] : [])),
    // A host path that reaches into a pool would get round its limits and its records.
    ...others.flatMap((other) =>
      [state, ...pools].filter((place) => overlap(other, place)).map((place) => describe(other, place)),
    ),
  ];
}

function describe(place: Place, other: Place): string {
  const how = place.path === other.path ? 'is' : isWithin(place.path, other.path) ? 'lies in' : 'holds';
  return `${place.key}: ${place.path} ${how} ${other.key} ${how === 'is' ? 'too' : `(${other.path})`}; they must be apart`;
}

function overlap(first: Place, second: Place): boolean {
  if (!meet(first.nodes, second.nodes)) return false;
  return isWithin(first.path, second.path) || isWithin(second.path, first.path);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** True if a node may have both. */
function meet(first: readonly string[] | undefined, second: readonly string[] | undefined): boolean {
  if (first === undefined || second === undefined) return true;
  const names = new Set(first);
  return second.some((name) => names.has(name));
}

function pairs<Entry>(entries: readonly Entry[]): [Entry, Entry, number, number][] {
  return entries.flatMap((second, j) =>
    entries.slice(0, j).map((first, i): [Entry, Entry, number, number] => [first, second, i, j]),
  );
}
