import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

const STDERR = 2;

/** Belt and braces: nothing logs whole requests, and if something does, these never show. */
const SECRET_PATHS = ['secrets', '*.secrets', '*.*.secrets', 'mountFlags', '*.mountFlags', '*.*.mountFlags'];

/**
 * The process's log: JSON, one line for each entry, to stderr (stdout is for the output of commands).
 * @param stream where it goes instead, for tests
 */
export function createLog(
  level: LogLevel,
  stream: DestinationStream = destination({ fd: STDERR, sync: true }),
): Logger {
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
