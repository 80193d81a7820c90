import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDriver, waitUntilReady } from '../../src/cli/demo/driver.ts';
import { messageOf } from '../../src/errors.ts';
import { labServers, type NfsVersion, nfsUp } from '../lab/support-nfs.ts';
import { makeDisks, makePool, type TestPool } from '../support/pools.ts';
import { type Files, SECRET, writeFiles } from './files.ts';
import { findLeftovers, trashEmptied } from './leftovers.ts';
import { type Report, readReport } from './report.ts';
import { type Access, DISK_BYTES, DISK_COUNT, type Scenario } from './scenarios.ts';

const MIB = 1024 ** 2;
const POOL_BYTES = 24 * 1024 * MIB; // sparse
const VOLUME_BYTES = 512 * MIB;
const EXPANDED_BYTES = 1024 * MIB;
const READY_TIMEOUT_MS = 30_000;
const TRASH_TIMEOUT_MS = 30_000;
const LIMIT_MINUTES = 15;

/** One line of the table, with what is wrong in words. */
export interface Row {
  readonly backend: string;
  readonly pool: string;
  readonly access: Access;
  readonly kernel: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly problems: readonly string[];
}

/** Makes a pool, starts the driver on it, runs csi-sanity, and checks what is left. Reports and logs go to `outFolder`. */
export async function runOne(scenario: Scenario, access: Access, outFolder: string): Promise<Row> {
  const line = { backend: scenario.backend, pool: scenario.name, access, kernel: release() };
  try {
    const { report, problems } = await onNewPool(scenario, access, join(outFolder, `${scenario.name}-${access}`));
    const skipped = report.skipped.filter((name) => !isAllowed(scenario, name)).map((name) => `skipped: ${name}`);
    const failures = report.failed.map(
      ({ name, message }) => `${name}\n    ${message.split('\n').slice(0, 6).join('\n    ')}`,
    );
    const counts = { passed: report.passed, failed: report.failed.length, skipped: report.skipped.length };
    return { ...line, ...counts, problems: [...failures, ...skipped, ...problems] };
  } catch (error) {
    return { ...line, passed: 0, failed: 1, skipped: 0, problems: [messageOf(error)] };
  }
}

function isAllowed({ maySkip = {} }: Scenario, name: string): boolean {
  return Object.keys(maySkip).some((part) => name.includes(part));
}

async function onNewPool(
  scenario: Scenario,
  access: Access,
  out: string,
): Promise<{ report: Report; problems: string[] }> {
  const pool = await poolFor(scenario);
  const isManaged = scenario.driver?.(pool.path).isManaged === true;
  if (isManaged) await clearServer();
  const folder = await mkdtemp(join(tmpdir(), 'stowage-sanity-'));
  try {
    const files = await writeFiles(folder, scenario, pool.path);
    const report = await withDriver(files, async () => {
      const volumeBytes = (await scenario.volumeBytes?.(pool.path)) ?? VOLUME_BYTES;
      const result = await runSanity(files, access, volumeBytes, out);
      await trashEmptied(pool.path, TRASH_TIMEOUT_MS);
      return result;
    }).finally(() => copyFile(files.driverLog, `${out}.driver.log`));
    if (scenario.driver !== undefined) await unmountShares();
    if (isManaged) await withdrawExports(join(folder, 'state', 'exports'));
    const problems = (await findLeftovers(folder, pool.path)).map((what) => `left behind: ${what}`);
    const log = await readFile(files.driverLog, 'utf8');
    return { report, problems: log.includes(SECRET) ? [...problems, "a secret is in the driver's log"] : problems };
  } finally {
    await pool.cleanup();
    await rm(folder, { recursive: true, force: true });
  }
}

async function withDriver<T>(files: Files, use: () => Promise<T>): Promise<T> {
  const args = ['dist/stowage.cjs', 'serve', '--config', files.config, '--endpoint', `unix://${files.socket}`];
  const node = ['--node-id', 'sanity-node', '--node-address', '127.0.0.1'];
  const driver = await startDriver(process.execPath, [...args, ...node], files.driverLog);
  try {
    const never = new AbortController().signal;
    (await waitUntilReady(driver, files.socket, files.driverLog, READY_TIMEOUT_MS, never)).close();
    return await use();
  } finally {
    await driver.stop();
  }
}

/** The controller's mounts of shares stay for the next driver, which never comes. */
async function unmountShares(): Promise<void> {
  await promisify(execFile)('umount', ['-a', '-t', 'nfs,nfs4']);
}

/** The guest's server, of all versions, without what other scenarios export: a server has one root. */
async function clearServer(): Promise<void> {
  await labServers();
  await nfsUp('exportfs -ua');
}

/**
 * The root that a driver leaves exported for the next one. Detached, since the kernel lets go of what it knew of exports only when the clock has caught up with
 * its flushes, each of which counts as a second. What is still exported beneath it shows as a mount that is left behind.
 */
async function withdrawExports(root: string): Promise<void> {
  await nfsUp(
    `{ exportfs -u '*:${root}'; exportfs -f; grep -q ' ${root}/' /proc/self/mountinfo || umount --lazy ${root}; }`,
  );
}

/** A new folder of the guest's NFS server, which has this version alone until it is cleaned up. */
async function exported(version: NfsVersion): Promise<TestPool> {
  const { healthy } = await labServers();
  const path = await mkdtemp(join(healthy.folder, 'sanity-'));
  const cleanup = async () => {
    await unmountShares();
    await healthy.serve('all');
    await rm(path, { recursive: true, force: true });
  };
  await healthy.serve(version);
  return { path, cleanup };
}

function poolFor({ pool }: Scenario): Promise<TestPool> {
  if (pool === 'disks-raw') return makeDisks('raw', DISK_COUNT, DISK_BYTES);
  if (pool === 'disks-xfs') return makeDisks('xfs', DISK_COUNT, DISK_BYTES);
  if (pool === 'nfs-3') return exported('3');
  if (pool === 'nfs-4.1') return exported('4.1');
  if (pool === 'nfs-4.2') return exported('4.2');
  return makePool(pool, POOL_BYTES);
}

async function runSanity(files: Files, access: Access, volumeBytes: number, out: string): Promise<Report> {
  const json = `${out}.json`;
  await rm(json, { force: true });
  const args = [
    `--csi.endpoint=${files.socket}`,
    `--csi.stagingdir=${files.stagingDir}`,
    `--csi.mountdir=${files.mountDir}`,
    `--csi.secrets=${files.secrets}`,
    `--csi.testvolumeparameters=${files.parameters}`,
    `--csi.testvolumemutableparameters=${files.mutableParameters}`,
    `--csi.testvolumeaccesstype=${access}`,
    `--csi.testvolumesize=${volumeBytes}`,
    `--csi.testvolumeexpandsize=${EXPANDED_BYTES}`,
    '--csi.testnodevolumeattachlimit',
    `--ginkgo.json-report=${json}`,
    `--ginkgo.timeout=${LIMIT_MINUTES}m`,
    '--ginkgo.no-color',
    '--ginkgo.v',
  ];
  const log = await open(`${out}.log`, 'w');
  try {
    const child = spawn('.cache/bin/csi-sanity', args, {
      stdio: ['ignore', log.fd, log.fd],
      timeout: (LIMIT_MINUTES + 1) * 60_000,
      killSignal: 'SIGKILL',
    });
    await once(child, 'exit');
  } finally {
    await log.close();
  }
  return readReport(json);
}
