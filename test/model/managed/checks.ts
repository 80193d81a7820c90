import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ListedExport } from '../../../src/host/nfs-exports.ts';
import { addressesOfNode } from '../../../src/volumes/node-address.ts';
import { exportsBeneath } from '../../lab/support-exports.ts';
import { mountPointsBeneath } from '../../support/driver.ts';
import { checkEnding } from '../ending.ts';
import { checkContent, checkInvariants } from '../invariants.ts';
import type { ModelVolume } from '../model.ts';
import { holds, same } from '../world.ts';
import { exportPath, type ManagedWorld } from './world.ts';

/** What must hold after every step: besides what holds for all volumes, just the nodes that have one are let in, and its content is there, whoever was shut out. */
export async function checkManagedInvariants(world: ManagedWorld): Promise<void> {
  await checkInvariants(world);
  await checkExports(world);
  await checkBinds(world);
  const { at, model } = world;
  for (const volume of model.volumes.values())
    await checkContent(volume, join(at.poolPath(volume.pool), 'volumes', basename(exportPath(world, volume))));
  for (const snapshot of model.snapshots.values()) {
    const folder = at.catalog.snapshot(snapshot.id)?.folder ?? '';
    await checkContent(snapshot, join(at.poolPath(snapshot.pool), 'snapshots', folder));
  }
}

/** As for all volumes; then nothing is exported, and the root is as it was. */
export async function checkManagedEnding(world: ManagedWorld): Promise<void> {
  await checkEnding(world);
  same('exports', await exportsBeneath(world.root), []);
  for (const { name } of world.pools)
    same(`what is left of ${name}`, await readdir(join(world.root, name)).catch(() => []), []);
}

async function checkExports(world: ManagedWorld): Promise<void> {
  const table = await exportsBeneath(world.root);
  const expected = [...world.model.volumes.values()].flatMap((volume) => admissionsOf(world, volume));
  same('exports', table.map(describe).sort(), expected.sort());
  checkFsids(world, table);
}

function admissionsOf(world: ManagedWorld, volume: ModelVolume): string[] {
  const path = exportPath(world, volume);
  const clients = new Map<string, boolean>();
  for (const [nodeId, { readOnly }] of volume.attached) {
    for (const client of addressesOfNode(nodeId)) clients.set(client, readOnly && (clients.get(client) ?? true));
  }
  return [...clients].map(([client, readOnly]) => describe({ path, client, readOnly }));
}

const describe = ({ path, client, readOnly }: Omit<ListedExport, 'fsid'>) =>
  `${path} to ${client}, ${readOnly ? 'read-only' : 'writable'}`;

/** An attachment keeps its own, and none has that of one before. */
function checkFsids({ fsids: { current, spent } }: ManagedWorld, table: readonly ListedExport[]): void {
  const found = new Map(table.map((one) => [`${one.path} ${one.client}`, one.fsid ?? 'none']));
  for (const [key, fsid] of current) if (found.get(key) !== fsid) spent.add(fsid);
  for (const [key, fsid] of found) {
    holds(!spent.has(fsid), `${key} has file handles of an earlier attachment`);
    current.set(key, fsid);
  }
  for (const key of [...current.keys()]) if (!found.has(key)) current.delete(key);
}

/** What is bound in the root is what is exported. */
async function checkBinds(world: ManagedWorld): Promise<void> {
  const attached = [...world.model.volumes.values()].filter((volume) => volume.attached.size > 0);
  const expected = attached.map((volume) => exportPath(world, volume));
  same('volumes in the exported root', (await mountPointsBeneath(world.root)).sort(), expected.sort());
}
