import { StowageError } from '../../errors.ts';
import type { Files, FolderHandle, TextFile, TreeCopyProgress } from '../../host/files.ts';
import { packError, unpackError } from './error-transfer.ts';
import { type FolderPath, isFolderPath } from './folders.ts';
import { isLongMethod, METHODS } from './methods.ts';
import { type Abort, type Call, type Close, type FromWorker, isToWorker } from './protocol.ts';
import { readAll } from './read-all.ts';
import { isNumber, isText } from './shapes.ts';

const PROGRESS_MS = 1_000;

/**
 * Answers a driver's calls with `files`: the part of a share's worker that does the work.
 * @param send takes answers to the driver
 * @param alone the same for calls beside which there are no others: it need not let others go on
 * @returns what takes its messages
 */
export function serveFiles(
  files: Files,
  send: (message: FromWorker) => void,
  alone = files,
): (message: unknown) => void {
  const folders = new Map<number, Promise<FolderHandle>>();
  const readings = new Map<number, AsyncGenerator<TextFile[], undefined>>();
  const aborts = new Map<number, AbortController>();

  function openFolder({ folder, root, relative }: Omit<FolderPath, 'rest'>): Promise<FolderHandle> {
    const open = folders.get(folder);
    if (open !== undefined) return open;
    const opening = files.openFolder(root, relative);
    folders.set(folder, opening);
    opening.catch(() => folders.delete(folder)); // whoever waits for it hears of the failure
    return opening;
  }

  /** The path as it is for this process: by its own descriptor, where the caller holds a folder open. */
  async function pathOf(argument: unknown): Promise<unknown> {
    return isFolderPath(argument) ? (await openFolder(argument)).path + argument.rest : argument;
  }

  async function nextBatch(reading: number): Promise<TextFile[] | undefined> {
    const batches = readings.get(reading);
    // Its worker is gone: an end here would pass for the end of the folder.
    if (batches === undefined) throw new StowageError('unavailable', 'reading the folder was cut off; call again');
    const { value, done } = await batches.next();
    if (done === true) readings.delete(reading);
    return value;
  }

  function begin(folder: unknown, suffix: unknown, maxBytes: unknown, reading: unknown): number {
    if (!isText(folder) || !isText(suffix) || !isNumber(maxBytes) || !isNumber(reading)) throw badCall('readFirst');
    readings.set(reading, readAll(files, folder, suffix, maxBytes));
    return reading;
  }

  async function perform({ id, method, args: sent, isAlone }: Call): Promise<unknown> {
    const { paths } = METHODS[method];
    const args = await Promise.all(sent.map((argument, index) => (index < paths ? pathOf(argument) : argument)));
    if (method === 'readFirst') return nextBatch(begin(args[0], args[1], args[2], args[3]));
    if (method === 'readNext') {
      if (!isNumber(args[0])) throw badCall(method);
      return nextBatch(args[0]);
    }
    if (method === 'openFolder') {
      const [root, relative, folder] = args;
      if (!isText(root) || !isText(relative) || !isNumber(folder)) throw badCall(method);
      return (await openFolder({ folder, root, relative })).path;
    }
    const by = isAlone ? alone : files;
    if (!isLongMethod(method)) return Reflect.apply(by[method], by, args);
    const abort = new AbortController();
    aborts.set(id, abort);
    try {
      return await Reflect.apply(files[method], files, [...args, abort.signal, progressOf(id)]);
    } finally {
      aborts.delete(id);
    }
  }

  /** Tells of a long call's progress, now and then. */
  function progressOf(id: number): (progress: TreeCopyProgress) => void {
    let toldAtMs = Number.NEGATIVE_INFINITY;
    return (progress) => {
      const nowMs = performance.now();
      if (nowMs - toldAtMs < PROGRESS_MS) return;
      toldAtMs = nowMs;
      send({ type: 'progress', id, progress });
    };
  }

  async function answer(call: Call): Promise<void> {
    try {
      send({ type: 'success', id: call.id, value: await perform(call) });
    } catch (error) {
      send({ type: 'failure', id: call.id, error: packError(error) });
    }
  }

  async function close({ what, number }: Close): Promise<void> {
    if (what === 'reading') {
      readings.delete(number);
      return;
    }
    const open = folders.get(number);
    folders.delete(number);
    const handle = await open?.catch(() => undefined); // whoever opened it heard of the failure
    await handle?.close();
  }

  const abort = ({ id, reason }: Abort) => aborts.get(id)?.abort(unpackError(reason));

  return (message) => {
    if (!isToWorker(message)) throw new StowageError('internal', 'a message that this version does not know');
    if (message.type === 'call') void answer(message);
    else if (message.type === 'abort') abort(message);
    else void close(message);
  };
}

function badCall(method: string): StowageError {
  return new StowageError('internal', `${method}: its arguments are not what this version knows`);
}
