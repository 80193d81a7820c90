import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createHost } from '../../src/host/system.ts';
import { createShareHosts } from '../../src/nfs/share-hosts.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type ConformanceSetup, describeBackend } from '../backends/conformance.ts';
import { inspectShare, newPlace } from '../backends/share-setup.ts';
import { labServers } from './support-nfs.ts';

const isFull = process.env.STOWAGE_CONFORMANCE === 'full';

/** Copies take long here: outside of full runs csi-sanity makes them, over each of these versions. */
const RUNS = [
  { vers: '4.2', parts: ['lifecycle'], isLong: false },
  { vers: '3', parts: ['recovery'], isLong: true },
  { vers: '4.1', parts: undefined, isLong: true },
] as const;

/** A share of the healthy server's, reached as the controller does: by one mount, and files by a process of its own. */
async function makeShare(vers: string): ReturnType<ConformanceSetup['makePool']> {
  const { healthy } = await labServers();
  const stateDir = await mkdtemp(join(tmpdir(), 'stowage-nfs-conformance-'));
  const exported = await mkdtemp(join(healthy.folder, 'conformance-'));
  for (const name of ['trash', 'tmp', 'copies', 'claims'])
    await mkdir(join(exported, '.stowage', name), { recursive: true });
  const hosts = createShareHosts({
    host: createHost(join(stateDir, 'run')),
    log: createLog('silent'),
    stateDir,
    idleUnmountMs: 3_600_000,
    program: resolve('dist/share-worker.cjs'),
  });
  // NFS 4 names exports from the pseudo root.
  const path = vers === '3' ? exported : exported.slice(healthy.folder.length);
  const share = { server: healthy.address, share: path, options: [`vers=${vers}`] };
  const mountPoint = hosts.pathOf(share);
  return {
    config: { backend: 'share', name: 'test', path: mountPoint },
    host: hosts.hostOf(share),
    inspect: inspectShare(mountPoint),
    async cleanup() {
      await hosts.close();
      await promisify(execFile)('umount', [mountPoint]);
      for (const folder of [stateDir, exported]) await rm(folder, { recursive: true });
    },
  };
}

for (const { vers, parts, isLong } of RUNS) {
  if (isLong && !isFull) continue;
  describeBackend(`share over NFS ${vers}`, {
    makePool: () => makeShare(vers),
    access: { type: 'mount', fsType: undefined },
    sizeBytes: 64 * 1024 ** 2,
    share: newPlace,
    usageLacks: ['inodes', 'shared'],
    ...(parts === undefined ? {} : { parts }),
  });
}
