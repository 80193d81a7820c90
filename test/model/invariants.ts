import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import type { AnyRecord } from '../../src/volumes/record.ts';
import { isOfSize, readSlots } from './content.ts';
import type { Content } from './model.ts';
import { holds, poolOf, same, type World } from './world.ts';

/** What must hold after every step, whatever it was. Deleted things may still be on their way out. */
export async function checkInvariants(world: World): Promise<void> {
  checkRecords(world);
  for (const { name, totalBytes } of world.pools) checkPromises(world, name, totalBytes);
  await checkMounts(world);
  await checkLoops(world);
  for (const volume of world.model.volumes.values()) {
    for (const name of volume.targets.keys()) {
      if (!world.rules.isReachable(volume, name)) continue;
      const target = world.at.target(name);
      await checkContent(volume, target);
      const { exactSizes } = poolOf(world, volume.pool).features;
      if (volume.access === 'block' && exactSizes)
        holds(await isOfSize(target, volume.sizeBytes), `${target} has not ${volume.sizeBytes} bytes`);
    }
  }
}

/** Throws unless a mounted volume, or copy of one, holds what the model says. */
export async function checkContent(
  volume: { readonly name: string; readonly access: 'mount' | 'block'; readonly content: Content },
  path: string,
): Promise<void> {
  const expected = [...volume.content].filter(([, value]) => value !== 0).sort(([one], [other]) => one - other);
  same(`the content of ${volume.name}`, [...(await readSlots(volume, path))], expected);
}

/** Everything that was not deleted is there, ready, and nothing else. */
function checkRecords({ at, model }: World): void {
  const live = [...at.catalog.all()].filter(({ state }) => state !== 'deleting');
  same(
    'records',
    live.map(describe).sort(),
    [
      ...[...model.volumes.values()].map(
        ({ id, pool, sizeBytes, attached }) =>
          `volume ${id} ready in ${pool}, ${sizeBytes} bytes, attached ${attached.size}`,
      ),
      ...[...model.snapshots.values()].map(
        ({ id, pool, reservedBytes }) => `snapshot ${id} ready in ${pool}, ${reservedBytes} bytes`,
      ),
      ...[...model.groups.values()].map(({ id }) => `group ${id} ready`),
    ].sort(),
  );
  same('damaged records', [...at.catalog.damages()], []);
}

function describe(record: AnyRecord): string {
  const { kind, id, state, pool } = record;
  if (record.kind === 'group') return `${kind} ${id} ${state}`;
  const attached = record.kind === 'volume' ? `, attached ${record.attached.length}` : '';
  return `${kind} ${id} ${state} in ${pool}, ${record.reservedBytes} bytes${attached}`;
}

function checkPromises({ at, model }: World, pool: string, totalBytes: number): void {
  const items = [...model.volumes.values(), ...model.snapshots.values()].filter((item) => item.pool === pool);
  const expected = items.reduce(
    (sum, item) => sum + ('reservedBytes' in item ? item.reservedBytes : item.sizeBytes),
    0,
  );
  const promised = at.catalog.promisedBytes(pool);
  holds(
    promised >= expected,
    `pool ${pool} promises ${promised} bytes, and its volumes and snapshots have ${expected}`,
  );
  holds(promised <= totalBytes, `pool ${pool} of ${totalBytes} bytes promises ${promised}`);
}

/** The mounts in the folders of this world, each with its access. */
async function checkMounts({ at, model }: World): Promise<void> {
  const table = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  const ours = table.entries.filter(({ mountPoint }) =>
    ['staging', 'targets'].some((name) => mountPoint.startsWith(`${join(at.folder, name)}/`)),
  );
  const found = ours.map(({ mountPoint, options }) => `${mountPoint} ${options.includes('ro') ? 'ro' : 'rw'}`);
  const expected = [...model.volumes.values()].flatMap((volume) => [
    ...(volume.staged ? [`${stagedAt(at.stagingPath(volume.id))} rw`] : []),
    ...[...volume.targets].map(([target, { readOnly }]) => `${at.target(target)} ${readOnly ? 'ro' : 'rw'}`),
  ]);
  same('mounts', found.sort(), expected.sort());
}

/** No more devices than staged volumes. */
async function checkLoops({ at, model, pools }: World): Promise<void> {
  for (const { name } of pools) {
    const staged = [...model.volumes.values()].filter((volume) => volume.pool === name && volume.staged);
    const loops = await loopFiles(at.poolPath(name));
    holds(loops.length <= staged.length, `loop devices on ${loops.join(', ')}, with ${staged.length} staged volumes`);
  }
}

/** Files in a pool that have a loop device. */
export async function loopFiles(pool: string): Promise<string[]> {
  const devices = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const files = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')),
  );
  return files.map((file) => file.trim()).filter((file) => file.startsWith(`${pool}/`));
}
