import { messageOf, StowageError } from './errors.ts';
import { createCommands } from './host/command.ts';
import { inProcess, inThreads, type Waiting } from './host/files/waiting.ts';
import { createFiles } from './host/files.ts';
import { parentChannel } from './host/fork.ts';
import { createMounts } from './host/mounts.ts';
import { dieWithParent, dyingWithUs } from './host/parent-death.ts';
import type { FromWorker } from './nfs/worker/protocol.ts';
import { serveFiles } from './nfs/worker/serve.ts';

/** Servers answer a change of a folder when it is durable (RFC 8881, section 18; RFC 1813, section 3.3), and fsync(2) of one does nothing (Linux's fs/nfs/dir.c, nfs_fsync_dir). */
const changedByServer = async (): Promise<void> => undefined;

/**
 * The program of a share's worker, `share-worker.cjs RUN_FOLDER`, which the driver starts: all that touches one NFS share happens in such a process, so that a
 * dead server holds nobody else. A bundle of its own: with the whole driver's code it would take a third more memory. Ends with the driver.
 */
async function main([runFolder, ...more]: readonly string[]): Promise<void> {
  const channel = parentChannel();
  if (channel === undefined || runFolder === undefined || more.length > 0) {
    throw new StowageError('invalid', 'share-worker.cjs is for the driver itself to start');
  }
  dieWithParent();
  process.umask(0); // as in `stowage serve`
  process.title = 'stowage share-worker';
  const commands = dyingWithUs(createCommands());
  const filesBy = (waiting: Waiting) =>
    createFiles(commands, createMounts(commands), runFolder, changedByServer, waiting);
  const files = filesBy(inThreads);
  await files.recover(); // what a killed worker of this share left
  const send = (message: FromWorker) => channel.send(message);
  channel.listen(serveFiles(files, send, filesBy(inProcess)), () => process.exit(0));
  send({ type: 'ready' });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`stowage share-worker: ${messageOf(error)}\n`);
  process.exit(1);
});
