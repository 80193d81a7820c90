import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach } from '@jest/globals';
import { createCommands } from '../../src/host/command.ts';
import { inThreads, type Waiting } from '../../src/host/files/waiting.ts';
import { createFiles, type Files } from '../../src/host/files.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const execute = promisify(execFile);

export function makeFiles(runFolder?: string, waiting?: Waiting): Files {
  const commands = createCommands();
  return createFiles(commands, createMounts(commands), runFolder, undefined, waiting);
}

/** Files of a machine on which somebody makes a folder at this path as soon as a link is made. */
export function filesWithLateFolder(path: string): Files {
  return makeFiles(undefined, {
    ...inThreads,
    async symlink(text, link) {
      await inThreads.symlink(text, link);
      await mkdir(path);
    },
  });
}

/** A folder for each test of a file. @returns the path of what has a name in it; of itself, for an empty name */
export function useFolder(): (name: string) => string {
  let pool: TestPool;
  beforeEach(async () => {
    pool = await makePool('folder');
  });
  afterEach(() => pool.cleanup());
  return (name) => join(pool.path, 'volumes', name);
}

/** Runs a bash script with `args` as $1, $2, ...; gives what it wrote. */
export async function sh(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute('bash', ['-euc', script, 'bash', ...args], { maxBuffer: 16 * 1024 ** 2 });
  return stdout.trim();
}

/** A limit for what a test waits for. */
export const soon = () => AbortSignal.timeout(30_000);

/** One of everything that a volume can hold. */
export const TREE = `
mkdir -p "$1/a folder/deep"; cd "$1"
head -c 300000 /dev/urandom > data
ln data 'a folder/hard link'
ln -s ../data 'a folder/deep/link'; ln -s /etc/passwd outward; ln -s nowhere dangling
mkfifo fifo
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mknod device c 1 3
truncate -s 50M hole; echo end >> hole
printf 'odd' > $'new\\nline'
chown -h 12:34 outward; chown 1234:5678 'a folder' data
chmod 6751 data; chmod 1777 'a folder'
setfattr -n user.colour -v blue data; setfattr -n trusted.secret -v x 'a folder'
setcap cap_net_raw+ep $'new\\nline'
setfacl -m u:77:rw data; setfacl -d -m g:88:rx 'a folder'
touch -h -d @1000000000.123456789 outward; touch -d @1100000000.987654321 data
chattr -f +d data || true
touch -d @1200000000.5 'a folder/deep'; touch -d @1300000000.5 'a folder'; touch -d @1400000000.5 .; chmod 2771 .; chown 5:6 .
`;

/** Everything that can be told of a tree, but inode numbers and change times. */
export function describeTree(path: string): Promise<string> {
  return sh(
    `cd "$1"
    find . -printf '%p|%y|%m|%U|%G|%l|%n|%T@' \\( -type d -printf '\\n' -o -printf '|%s\\n' \\) | sort
    find . -links +1 -type f -printf '%i %p\\n' | sort | awk '{print (i == $1), $2; i = $1}'
    find . -type f -print0 | sort -z | xargs -0 sha256sum
    find . -print0 | sort -z | xargs -0 getfattr -h -d -m - --absolute-names
    find . ! -type l -print0 | sort -z | xargs -0 getfacl -n
    find . -name device -exec stat -c %t:%T {} +
    find . -name hole -printf '%b\\n'`,
    path,
  );
}
