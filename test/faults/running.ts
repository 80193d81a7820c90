import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import { type Csi, csiInProcess } from './in-process.ts';
import { type FaultyHost, injectFaults } from './inject.ts';
import { configOf, isServed, type Paths } from './place.ts';
import { injectInExports, servedCalls } from './served.ts';
import { openPlainShare, SHARE_CALLS, type ShareCalls, withPlainShare } from './share.ts';
import { NODE_ID } from './verbs.ts';

/** A driver in this process, its calls to the host counted. */
export interface Running {
  readonly driver: Driver;
  readonly csi: Csi;
  readonly faulty: FaultyHost;
}

const log = createLog(process.env.STOWAGE_FAULTS_LOG === undefined ? 'silent' : 'info');

/** One for all: it keeps no state but caches, and a descriptor of the mount table for each would stay open. */
const realHost = createHost();

export function newFaultyHost({ backend, pool }: Paths): FaultyHost {
  if (isServed(backend)) return injectInExports(realHost);
  return injectFaults(backend === 'share' ? withPlainShare(realHost, pool) : realHost);
}

function shareCallsOf(paths: Paths): ShareCalls | undefined {
  if (paths.backend === 'share') return SHARE_CALLS;
  return isServed(paths.backend) ? servedCalls(paths) : undefined;
}

/** Opens a driver, and waits for its recovery. */
export async function start(paths: Paths, faulty = newFaultyHost(paths)): Promise<Running> {
  const { host } = faulty;
  const share = shareCallsOf(paths);
  const driver = await openDriver({
    config: configOf(paths),
    nodeId: share?.nodeId ?? NODE_ID,
    host,
    log,
    openShareFiles: openPlainShare(host),
  });
  const csi = csiInProcess(driver.service);
  const running = { driver, csi: share === undefined ? csi : { ...csi, share }, faulty };
  try {
    await driver.recovered;
  } catch (error) {
    await crash(running);
    throw error;
  }
  return running;
}

/** Ends it as a kill would: nothing that it still wants to do is done any more. What was under way ends first, as children do. */
export async function crash({ driver, faulty }: Running): Promise<void> {
  faulty.cutOff();
  await driver.stop();
  await faulty.settled();
}
