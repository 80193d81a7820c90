import { parseJson } from '../json.ts';
import type { Driver } from '../volumes/driver.ts';
import { overview } from '../volumes/overview.ts';
import {
  ADOPT_PATH,
  type AdoptLine,
  adoptRequestSchema,
  LIST_PATH,
  type ListLine,
  MOVE_PATH,
  type MoveLine,
  moveRequestSchema,
} from './admin-protocol.ts';

/** What commands need of a driver. */
export type Commanded = Pick<Driver, 'move' | 'adopt' | 'seen'>;

/** One command, as it was asked. */
export interface Asked {
  readonly what: Readonly<Record<string, unknown>>; // for the log
  run(driver: Commanded, tell: (line: MoveLine | AdoptLine | ListLine) => void, signal: AbortSignal): Promise<void>;
}

interface Command {
  readonly maxBytes: number; // of a request
  readonly shape: string; // of a request, in words
  /** @returns undefined for what is no such request */
  read(body: string): Asked | undefined;
}

const move: Command = {
  maxBytes: 4096,
  shape: 'JSON object of the strings volume and pool',
  read(body) {
    const request = moveRequestSchema.safeParse(parseJson(body)).data;
    if (request === undefined) return undefined;
    return {
      what: request,
      run: async (driver, tell, signal) => tell({ type: 'moved', ...(await driver.move(request, tell, signal)) }),
    };
  },
};

const adopt: Command = {
  maxBytes: 64 * 1024 ** 2,
  shape: 'list of folders to adopt',
  read(body) {
    const request = adoptRequestSchema.safeParse(parseJson(body)).data;
    if (request === undefined) return undefined;
    return {
      what: { adopt: request.volumes.length, isDryRun: request.isDryRun },
      async run(driver, tell, signal) {
        await driver.adopt(request, tell, signal);
        tell({ type: 'done' });
      },
    };
  },
};

const list: Command = {
  maxBytes: 0,
  shape: 'empty request',
  read: (body) =>
    body === ''
      ? {
          what: { list: true },
          async run({ seen }, tell, signal) {
            for await (const line of overview(seen, signal)) tell(line);
            tell({ type: 'done' });
          },
        }
      : undefined,
};

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [LIST_PATH, list],
  [MOVE_PATH, move],
  [ADOPT_PATH, adopt],
]);
