import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabNode } from './support-nodes.ts';

/** A MariaDB server on a node. */
export interface Database {
  /** Runs SQL to its end; gives what it printed, without headings. Rejects with the server's error, or where it is gone. */
  query(sql: string): Promise<string>;
  /** Commits rows 1, 2, 3, ... after `from`, each on its own, until it is ended or one fails. */
  commitRows(from: number): RowWriter;
  /** Waits until it has ended by itself. */
  ended(): Promise<void>;
  /** What it wrote to its log. */
  log(): Promise<string>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface RowWriter {
  /** Waits until so many more rows are acknowledged, or it has ended. */
  progress(rows: number): Promise<void>;
  /** The last row whose commit the server acknowledged; all before it were, too. */
  acknowledged(): number;
  /** Waits until a commit failed; what was said of it. */
  failure(): Promise<string>;
  end(): Promise<void>;
}

/** For a small machine; errors of files end it rather than being tried again. Its default would reserve 8 TiB of addresses, which the guest has not. */
const OPTIONS = [
  '--no-defaults',
  '--user=root',
  '--innodb-buffer-pool-size=8M',
  '--innodb-buffer-pool-size-max=8M',
  '--innodb-log-file-size=8M',
  '--innodb-use-native-aio=0',
  '--innodb-flush-log-at-trx-commit=1',
  '--aria-pagecache-buffer-size=1M',
  '--key-buffer-size=64K',
  '--performance-schema=0',
  '--skip-name-resolve',
  '--skip-networking',
];
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
export const TABLE = 'proof.acknowledged';

/** Makes a database in an empty folder, with the table that rows are committed to. */
export async function initializeDatabase(on: LabNode, folder: string): Promise<void> {
  const local = join(on.folder, 'mariadb'); // it writes much, and syncs it all
  const options = ['--auth-root-authentication-method=normal', '--skip-test-db'];
  const installed = on.spawn('mariadb-install-db', ...OPTIONS, ...options, `--datadir=${local}`);
  installed.stdout?.resume();
  const [code] = await once(installed, 'exit');
  if (code !== 0) throw new Error(`mariadb-install-db failed: ${code}`);
  const database = await startDatabase(on, local);
  await database.query(
    `CREATE DATABASE proof; CREATE TABLE ${TABLE} (row INT PRIMARY KEY, filling CHAR(200)) ENGINE=InnoDB`,
  );
  await database.query('SHUTDOWN');
  await database.ended();
  await on.exec('cp', '-a', `${local}/.`, folder);
  await on.exec('rm', '-r', local);
}

let started = 0;

/** Starts the server on a folder, and waits until it takes queries. */
export async function startDatabase(on: LabNode, folder: string): Promise<Database> {
  const name = join(on.folder, `mariadb-${started++}`);
  const socket = `${name}.sock`;
  const logFile = `${name}.log`;
  await (await open(logFile, 'w')).close();
  const server = on.spawn(
    'mariadbd',
    ...OPTIONS,
    `--datadir=${folder}`,
    `--socket=${socket}`,
    `--log-error=${logFile}`,
  );
  const log = () => readFile(logFile, 'utf8');
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await log()).includes('ready for connections')) {
    if (!isRunning(server) || Date.now() > deadline) throw new Error(`mariadbd did not start: ${await log()}`);
    await sleep(POLL_MS);
  }
  const client = ['--no-defaults', `--socket=${socket}`, '--batch', '--skip-column-names', '--unbuffered'];
  return {
    query: (sql) => on.exec('mariadb', ...client, '--execute', sql),
    commitRows: (from) => startRowWriter(on.spawn('sh', '-c', 'exec mariadb "$@" 2>&1', 'sh', ...client), from),
    async ended() {
      while (isRunning(server)) await sleep(POLL_MS);
    },
    log,
    async kill() {
      if (!isRunning(server)) return;
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    },
  };
}

/** The client ends with its first error. */
function startRowWriter(client: ChildProcess, from: number): RowWriter {
  const { stdin, stdout } = client;
  if (stdin === null || stdout === null) throw new Error('a child without pipes');
  let acknowledged = from;
  let rest = '';
  let failed = '';
  const commitNext = () =>
    stdin.write(`INSERT INTO ${TABLE} VALUES (${acknowledged + 1}, REPEAT('x', 200)); SELECT ${acknowledged + 1};\n`);
  stdin.on('error', () => undefined); // it has ended: that is seen below
  stdout.on('data', (text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === String(acknowledged + 1)) {
        acknowledged++;
        commitNext();
      } else failed += `${line}\n`;
    }
  });
  const over = once(client, 'close');
  commitNext();
  return {
    acknowledged: () => acknowledged,
    async progress(rows) {
      const goal = acknowledged + rows;
      while (acknowledged < goal && isRunning(client)) await sleep(POLL_MS);
      if (acknowledged < goal) throw new Error(`rows are not committed any more: ${failed}`);
    },
    async failure() {
      await over;
      return failed;
    },
    async end() {
      client.kill('SIGKILL');
      await over;
    },
  };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
