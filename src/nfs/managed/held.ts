import { BlockList, isIPv6 } from 'node:net';
import { isStowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { HeldFile } from '../../host/nfs-server.ts';
import type { Logger } from '../../telemetry/log.ts';

const SEARCH_TIMEOUT_MS = 5_000;
const SEARCHED_FILES = 500;
/** What find(1) takes as it is. */
const PLAIN_NAME = /^[\w.-]+$/;

/**
 * Drops what the NFS 4 clients at an address hold of the files in a folder that is not exported to them any more: opens, locks and delegations, for which the next client's open would
 * else wait until the lease is over. A client's state can only be dropped as a whole: what it holds of other volumes it takes back by itself, but for locks. So it is done only to a
 * client that holds something of this folder.
 * @param folder on the server, of any mount
 */
export async function dropHeld(
  { host, log }: { host: Host; log: Logger },
  folder: string,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const clients = (await host.nfsServer.clients()).filter((client) => isSameAddress(client.address, address));
  if (clients.length === 0) return;
  const { device } = (await host.mounts.table()).containing(folder);
  for (const { id } of clients) {
    const held = (await host.nfsServer.heldFiles(id)).filter((file) => file.device === device);
    if (held.length === 0 || !(await isAnyWithin(host, held, folder, signal))) continue;
    log.warn({ address, folder, files: held.length }, 'dropping what a node that is shut out still holds');
    await host.nfsServer.expire(id);
  }
}

/** True if one of the files is in the folder, or that cannot be found out in time: the next node must not wait. */
async function isAnyWithin(
  { commands }: Pick<Host, 'commands'>,
  held: readonly HeldFile[],
  folder: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (held.length > SEARCHED_FILES) return true;
  const tests = held.flatMap(({ inode, name }, index) => [
    ...(index === 0 ? [] : ['-o']),
    '-inum',
    String(inode),
    ...(name !== undefined && PLAIN_NAME.test(name) ? ['-name', name] : []), // subvolumes of btrfs count their inodes each for itself
  ]);
  try {
    const { stdout } = await commands.run('find', [folder, '(', ...tests, ')', '-print', '-quit'], {
      signal: AbortSignal.any([signal, AbortSignal.timeout(SEARCH_TIMEOUT_MS)]),
      exitCodes: [0, 1], // 1: something vanished meanwhile
    });
    return stdout !== '';
  } catch (error) {
    if (signal.aborted || !isStowageError(error, 'timeout')) throw error;
    return true;
  }
}

/** True for two forms of one IP address. */
function isSameAddress(first: string, second: string): boolean {
  const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
  if (family(first) !== family(second)) return false;
  const list = new BlockList();
  list.addAddress(first, family(first));
  return list.check(second, family(second));
}
