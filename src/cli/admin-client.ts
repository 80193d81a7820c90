import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';
import type { Moved, MoveRequest } from '../volumes/move/move.ts';
import type { Report } from '../volumes/move/progress.ts';
import { adminSocket, MOVE_PATH, type MoveLine, moveLineSchema, parseJson } from './admin-protocol.ts';

/**
 * Lets a running driver move a volume.
 * @param signal closes the connection, and with it the driver undoes the move
 * @returns undefined where no driver takes commands in this state folder
 * @throws what the driver answered; 'unavailable' where it went away before it did
 */
export async function moveByDriver(
  stateDir: string,
  asked: MoveRequest,
  report: Report,
  signal: AbortSignal,
): Promise<Moved | undefined> {
  const response = await post(adminSocket(stateDir), JSON.stringify(asked), signal);
  if (response === undefined) return undefined;
  if (response.statusCode !== 200) {
    response.resume();
    throw new StowageError('internal', `the driver refused the request with status ${response.statusCode}`);
  }
  try {
    for await (const text of createInterface({ input: response })) {
      const line = parseLine(text);
      if (line.type === 'moved') return { id: line.id, pool: line.pool, wasThere: line.wasThere };
      if (line.type === 'failed') throw new StowageError(line.code, line.message);
      report(line);
    }
  } catch (error) {
    if (signal.aborted) throw new StowageError('cancelled', 'interrupted: the driver takes the move back');
    if (isStowageError(error)) throw error;
    throw stopped(error); // the connection broke
  }
  throw stopped();
}

function parseLine(text: string): MoveLine {
  const line = moveLineSchema.safeParse(parseJson(text));
  if (line.success) return line.data;
  throw new StowageError(
    'unavailable',
    'the driver answered what this command does not understand: use the command of the version that runs',
  );
}

function stopped(cause?: unknown): StowageError {
  return new StowageError('unavailable', 'the driver stopped before the volume was moved; say the command again', {
    cause,
  });
}

/** @returns undefined where nothing listens: no socket, or one that a dead driver left */
function post(socketPath: string, body: string, signal: AbortSignal): Promise<IncomingMessage | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: MOVE_PATH, method: 'POST', signal }, resolve);
    sent.once('error', (error) => {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ECONNREFUSED') resolve(undefined);
      else reject(new StowageError('unavailable', `cannot ask the driver: ${messageOf(error)}`, { cause: error }));
    });
    sent.end(body);
  });
}
