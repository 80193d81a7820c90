import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type * as z from 'zod/mini';
import { errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { AdoptRequest, ReportAdoption } from '../volumes/adopt.ts';
import type { Moved, MoveRequest } from '../volumes/move/move.ts';
import type { Report } from '../volumes/move/progress.ts';
import type { OverviewLine } from '../volumes/overview.ts';
import {
  ADOPT_PATH,
  adminSocket,
  adoptLineSchema,
  LIST_PATH,
  listLineSchema,
  MOVE_PATH,
  moveLineSchema,
} from './admin-protocol.ts';

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
  const response = await post(stateDir, MOVE_PATH, asked, signal);
  if (response === undefined) return undefined;
  const words = { interrupted: 'interrupted: the driver takes the move back', before: 'the volume was moved' };
  for await (const line of linesOf(response, moveLineSchema, signal, words)) {
    if (line.type === 'moved') return { id: line.id, pool: line.pool, wasThere: line.wasThere };
    if (line.type === 'failed') throw new StowageError(line.code, line.message);
    report(line);
  }
  throw stopped(words.before);
}

/**
 * Lets a running driver adopt folders.
 * @param signal closes the connection: the driver ends after the folder that it is at
 * @returns false where no driver takes commands in this state folder
 * @throws as moveByDriver
 */
export async function adoptByDriver(
  stateDir: string,
  asked: AdoptRequest,
  report: ReportAdoption,
  signal: AbortSignal,
): Promise<boolean> {
  const response = await post(stateDir, ADOPT_PATH, asked, signal);
  if (response === undefined) return false;
  const words = {
    interrupted: 'interrupted: some may be adopted; the same command goes on with the others',
    before: 'all was done',
  };
  for await (const line of linesOf(response, adoptLineSchema, signal, words)) {
    if (line.type === 'done') return true;
    if (line.type === 'failed') throw new StowageError(line.code, line.message);
    report(line.type === 'adopted' ? { ...line, id: line.id } : line);
  }
  throw stopped(words.before);
}

/**
 * Lets a running driver say what it has.
 * @returns undefined where no driver takes commands in this state folder
 * @throws as moveByDriver
 */
export async function listByDriver(
  stateDir: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<OverviewLine> | undefined> {
  const response = await post(stateDir, LIST_PATH, undefined, signal);
  return response === undefined ? undefined : overviewLines(response, signal);
}

async function* overviewLines(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<OverviewLine> {
  const words = { interrupted: 'interrupted', before: 'all was listed' };
  for await (const line of linesOf(response, listLineSchema, signal, words)) {
    if (line.type === 'done') return;
    if (line.type === 'failed') throw new StowageError(line.code, line.message);
    yield line;
  }
  throw stopped(words.before);
}

/** The lines of an answer, until the connection ends. @throws 'unavailable' where it breaks, 'cancelled' at the signal */
async function* linesOf<Line>(
  response: IncomingMessage,
  schema: z.ZodMiniType<Line>,
  signal: AbortSignal,
  { interrupted, before }: { interrupted: string; before: string },
): AsyncGenerator<Line> {
  if (response.statusCode !== 200) {
    response.resume();
    throw new StowageError('internal', `the driver refused the request with status ${response.statusCode}`);
  }
  try {
    for await (const text of createInterface({ input: response })) {
      const line = schema.safeParse(parseJson(text));
      if (!line.success) throw misunderstood();
      yield line.data;
    }
  } catch (error) {
    if (signal.aborted) throw new StowageError('cancelled', interrupted);
    if (isStowageError(error)) throw error;
    throw stopped(before, error); // the connection broke
  }
}

function misunderstood(): StowageError {
  return new StowageError(
    'unavailable',
    'the driver answered what this command does not understand: use the command of the version that runs',
  );
}

function stopped(before: string, cause?: unknown): StowageError {
  return new StowageError('unavailable', `the driver stopped before ${before}; say the command again`, { cause });
}

/** @returns undefined where nothing listens: no socket, or one that a dead driver left */
function post(
  stateDir: string,
  path: string,
  asked: unknown,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: adminSocket(stateDir), path, method: 'POST', signal }, resolve);
    sent.once('error', (error) => {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ECONNREFUSED') resolve(undefined);
      else reject(new StowageError('unavailable', `cannot ask the driver: ${messageOf(error)}`, { cause: error }));
    });
    sent.end(asked === undefined ? '' : JSON.stringify(asked));
  });
}
