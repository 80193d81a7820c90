import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

const STDERR = 2;
/** What cannot be written waits up to here, and is then left out. */
const MAX_WAITING_BYTES = 1024 ** 2;

/** Belt and braces: nothing logs whole requests, and if something does, these never show. */
const SECRET_PATHS = ['secrets', '*.secrets', '*.*.secrets', 'mountFlags', '*.mountFlags', '*.*.mountFlags'];

/**
 * The process's log: JSON, one line for each entry, to stderr (stdout is for the output of commands).
 * @param stream where it goes instead, for tests
 */
export function createLog(level: LogLevel, stream: DestinationStream = standardError()): Logger {
  return pino(
    {
      level,
      base: null, // host name and pid: whoever collects the log knows them
      redact: { paths: SECRET_PATHS, censor: '[secret]' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/** A collector that is gone or a disk that is full takes the log, and not the driver with it. */
function standardError(): DestinationStream {
  const stream = destination({ fd: STDERR, sync: true, maxLength: MAX_WAITING_BYTES });
  stream.on('error', () => undefined);
  return stream;
}
