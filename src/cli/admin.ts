import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { checkSocketFree, placeSocket, socketPath, temporarySocketPath } from '../csi/socket.ts';
import { isStowageError, messageOf, StowageError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { type Asked, COMMANDS, type Commanded } from './admin-commands.ts';
import { adminSocket } from './admin-protocol.ts';

const MAX_CONNECTIONS = 16;
const REQUEST_TIMEOUT_MS = 10_000;
const PRIVATE_UMASK = 0o177;
const PRIVATE_MODE = 0o600;

export interface AdminServer {
  /** Takes no more commands, ends those that run, waits until they are undone, and removes the socket. */
  stop(): Promise<void>;
}

/** The same, where it can: volumes are served also where it cannot. */
export async function tryServeAdmin(options: Parameters<typeof serveAdmin>[0]): Promise<AdminServer> {
  try {
    return await serveAdmin(options);
  } catch (error) {
    options.log.warn(
      { error: messageOf(error) },
      'commands such as move and adopt work only while this driver is stopped',
    );
    return { stop: async () => undefined };
  }
}

/**
 * Takes the commands of `stowage` for as long as the driver runs, on a socket in the state folder that only root can open. A stale one is
 * replaced. Whoever asks is whoever may end it: what runs ends with its connection.
 * @throws 'precondition' where something else is at the socket's path, 'invalid' where that path is too long for one
 */
export async function serveAdmin(options: {
  readonly stateDir: string;
  readonly driver: Commanded;
  readonly log: Logger;
}): Promise<AdminServer> {
  const path = socketPath(adminSocket(options.stateDir));
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const work = answer(options, request, response, stopping.signal).finally(() => running.delete(work));
    running.add(work);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const removeSocket = await listen(server, path);
  return {
    async stop() {
      await removeSocket();
      server.close();
      stopping.abort(new StowageError('cancelled', 'the driver is stopping'));
      await Promise.all(running);
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, path: string): Promise<() => Promise<void>> {
  await checkSocketFree(path);
  const temporary = await temporarySocketPath(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new StowageError('unavailable', `cannot listen on ${path}: ${cause.message}`, { cause })),
    );
    // The socket is made within this call: at no moment may others connect to it.
    const before = process.umask(PRIVATE_UMASK);
    server.listen(temporary, resolve);
    process.umask(before);
  });
  try {
    await chmod(temporary, PRIVATE_MODE);
    return await placeSocket(temporary, path);
  } catch (error) {
    server.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Never rejects: what goes wrong is answered. */
async function answer(
  { driver, log }: { readonly driver: Commanded; readonly log: Logger },
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new StowageError('cancelled', 'whoever asked has gone')));
  response.on('error', () => gone.abort()); // a write to one that has gone
  try {
    const asked = await readCommand(request);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const tell = (line: unknown) => response.write(`${JSON.stringify(line)}\n`);
    try {
      await asked.run(driver, tell, AbortSignal.any([gone.signal, stopping]));
    } catch (error) {
      const code = isStowageError(error) ? error.code : 'internal';
      log[code === 'internal' ? 'error' : 'info'](
        { ...asked.what, code, error: messageOf(error) },
        'a command was not done',
      );
      tell({ type: 'failed', code, message: messageOf(error) });
    }
    response.end();
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500;
    response.writeHead(status, { connection: 'close' }).end(`${messageOf(error)}\n`);
  }
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function readCommand(request: IncomingMessage): Promise<Asked> {
  const command = COMMANDS.get(request.url ?? '');
  if (command === undefined) throw new Refusal(404, `there are only ${[...COMMANDS.keys()].join(', ')}`);
  if (request.method !== 'POST') throw new Refusal(405, `${request.url} takes POST`);
  const asked = command.read(await readBody(request, command.maxBytes));
  if (asked !== undefined) return asked;
  throw new Refusal(400, `the request is no ${command.shape}`);
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBytes) throw new Refusal(413, `a request has at most ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
