import { StowageError } from '../errors.ts';
import { createCommands } from '../host/command.ts';
import { createFiles } from '../host/files.ts';
import { parentChannel } from '../host/fork.ts';
import { createMounts } from '../host/mounts.ts';
import { dieWithParent, dyingWithUs } from '../host/parent-death.ts';
import type { FromWorker } from '../nfs/worker/protocol.ts';
import { serveFiles } from '../nfs/worker/serve.ts';

/**
 * `stowage share-worker RUN_FOLDER`, which the driver starts for itself: all that touches one NFS share happens in such a process, so that a
 * dead server holds nobody else. Ends with the driver.
 */
export async function shareWorker([runFolder, ...more]: readonly string[]): Promise<never> {
  const channel = parentChannel();
  if (channel === undefined || runFolder === undefined || more.length > 0) {
    throw new StowageError('invalid', 'stowage share-worker is for the driver itself to start');
  }
  dieWithParent();
  process.umask(0); // as in `stowage serve`
  process.title = 'stowage share-worker';
  const commands = dyingWithUs(createCommands());
  const files = createFiles(commands, createMounts(commands), runFolder);
  await files.recover(); // what a killed worker of this share left
  const send = (message: FromWorker) => channel.send(message);
  channel.listen(serveFiles(files, send), () => process.exit(0));
  send({ type: 'ready' });
  return new Promise(() => undefined);
}
