import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { createCommands } from '../../src/host/command.ts';
import type { Host } from '../../src/host/host.ts';
import { createNfsExports, type ListedExport } from '../../src/host/nfs-exports.ts';
import type { Catalog } from '../../src/volumes/catalog.ts';
import { addressesOfNode } from '../../src/volumes/node-address.ts';
import { exportsBeneath } from '../lab/support-exports.ts';
import { nfsUp } from '../lab/support-nfs.ts';
import { type FaultyHost, injectFaults } from './inject.ts';
import { isServed, itemPath, type Paths, SERVER_ADDRESS } from './place.ts';
import type { ShareCalls } from './share.ts';

const rootOf = (work: string) => join(work, 'state/exports');

/** What calls say of a pool that is exported. */
export function servedCalls(paths: Paths): ShareCalls {
  return {
    nodeId: `node-1|${SERVER_ADDRESS}`,
    parameters: { pool: 'pool' },
    contextOf: async (name) => ({
      server: SERVER_ADDRESS,
      share: `/pool/${basename(await itemPath(paths, 'volumes', name))}`,
      exportRoot: rootOf(paths.work),
    }),
  };
}

/** As injectFaults; the commands by which exports change are struck each by itself, too. */
export function injectInExports(real: Host): FaultyHost {
  const commands: Host['commands'] = { run: (...args) => faulty.host.commands.run(...args) };
  const faulty = injectFaults({ ...real, nfsExports: createNfsExports(commands) });
  return faulty;
}

/**
 * What is exported, with the nodes' addresses; nothing where pools are not.
 * @throws where that is not exactly what the records say
 */
export async function lookAtExports({ backend, work }: Paths, catalog: Catalog): Promise<string[]> {
  if (!isServed(backend)) return [];
  const root = rootOf(work);
  const table = await exportsBeneath(root);
  const found = table.map(describe).sort();
  const expected = [...catalog.all()].flatMap((record) =>
    record.kind !== 'volume'
      ? []
      : record.attached.flatMap(({ nodeId, readOnly, fsid }) =>
          addressesOfNode(nodeId).map((client) =>
            describe({ path: join(root, record.pool, record.folder), client, readOnly, fsid }),
          ),
        ),
  );
  if (found.join() !== expected.sort().join())
    throw new Error(`exported is ${found.join(', ')}, and the records say ${expected.join(', ')}`);
  return table.map(({ path, client, readOnly }) => `${path.slice(root.length)} ${client} ${readOnly ? 'ro' : 'rw'}`);
}

/** A node that no record names. */
const STRANGER = '10.0.0.9';
const EXPORT_TIMEOUT_MS = 60_000;

/** Takes all exports away, as an administrator's `exportfs -ua` does, and gives the volume of that name to a stranger. */
export async function muddleExports(paths: Paths, name: string): Promise<void> {
  await nfsUp('exportfs -ua && exportfs -f');
  const path = join(rootOf(paths.work), 'pool', basename(await itemPath(paths, 'volumes', name)));
  const options = ['ro', `fsid=${randomUUID()}`, 'sync', 'no_subtree_check'];
  await createNfsExports(createCommands()).add(
    { path, client: STRANGER },
    options,
    AbortSignal.timeout(EXPORT_TIMEOUT_MS),
  );
}

function describe({ path, client, readOnly, fsid }: ListedExport): string {
  return `${path} to ${client} ${readOnly ? 'ro' : 'rw'} as ${fsid}`;
}
