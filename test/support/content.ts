import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import {
  appendFile,
  chmod,
  chown,
  link,
  mkdir,
  open,
  rename,
  statfs,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A volume's content as a test sees it: a mounted tree, or a raw block device. */
export type View =
  | { readonly type: 'tree'; readonly path: string }
  | { readonly type: 'device'; readonly path: string };

const DATA_BYTES = 1024 ** 2;
const NFS_SUPER_MAGIC = 0x6969; // statfs(2)

/** One of everything that a copy must keep: hole, hard link, symbolic link, fifo, socket, mode, owner, xattr, spaces in names. */
async function fillTree(path: string): Promise<void> {
  const at = (name: string) => join(path, name);
  await writeFile(at('data'), randomBytes(DATA_BYTES));
  await mkdir(at('a folder/deep'), { recursive: true });
  await link(at('data'), at('a folder/hard link'));
  await symlink('../data', at('a folder/deep/link'));
  await symlink('/etc/passwd', at('outward'));
  await run('mkfifo', [at('fifo')]);
  await makeSocket(path, 'socket');
  await writeFile(at('hole'), '');
  await truncate(at('hole'), 5 * DATA_BYTES);
  await appendFile(at('hole'), 'end');
  await chmod(at('data'), 0o4751);
  if (await hasXattrs(path)) await run('setfattr', ['-n', 'user.colour', '-v', 'blue', at('data')]);
  await chown(at('a folder'), 1234, 5678);
  await chmod(at('a folder'), 0o1777);
  await utimes(at('data'), 1e9, 1e9);
}

/** NFS carries them since 4.2 (RFC 8276). */
async function hasXattrs(path: string): Promise<boolean> {
  if ((await statfs(path)).type !== NFS_SUPER_MAGIC) return true;
  const { stdout } = await run('findmnt', ['-n', '-o', 'OPTIONS', '--target', path]);
  return stdout.includes('vers=4.2');
}

/** Under another name than it was bound to, since its server's end would remove it; by a short path, which is all that sockets have. */
async function makeSocket(folder: string, name: string): Promise<void> {
  const handle = await open(folder);
  const server = createServer();
  try {
    server.listen(`/proc/self/fd/${handle.fd}/bound`);
    await once(server, 'listening');
    await rename(join(folder, 'bound'), join(folder, name));
  } finally {
    server.close();
    await handle.close();
  }
}

/** Writes random content into an empty volume, down to the disk. */
export async function fill(view: View): Promise<void> {
  if (view.type === 'device') {
    const data = randomBytes(DATA_BYTES);
    const handle = await open(view.path, 'r+');
    try {
      await handle.write(data, 0, data.length, 0);
      await handle.write(data, 0, data.length, 3 * DATA_BYTES);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return;
  }
  await fillTree(view.path);
  await run('sync', ['-f', view.path]);
}

const FINGERPRINT_BYTES = 8 * DATA_BYTES;
/** Prints each folder and file, the sums of files, and extended attributes: by few processes, since each takes its time in the lab. */
const LOOK = `
  cd "$1" || exit
  find . -mindepth 1 -path '*/lost+found' -prune -o -type d -printf '%P|%m|%U|%G\\n' -o \\
    -printf '%P|%y|%m|%U|%G|%s|%l|%n|%T@\\n' -type f -exec sha256sum {} + || exit
  getfattr -R -P -h -d -m '^user' . 2>&1`;

/** A digest of all content and metadata (not of what mkfs made). For a device: of its first 8 MiB, which a larger copy also has. */
export async function fingerprint(view: View): Promise<string> {
  if (view.type === 'device') return fingerprintDevice(view.path);
  const { stdout } = await run('sh', ['-c', LOOK, 'sh', view.path]);
  return stdout.split('\n').sort().join('\n');
}

async function fingerprintDevice(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { end: FINGERPRINT_BYTES - 1 })) hash.update(bytes);
  return hash.digest('hex');
}

/** Who writes: root as it is in a pod without further capabilities, or a user of no name. */
export type Writer = 'root' | 'nobody';

/** Writes until the volume is full, at most `mostBytes`; gives what the kernel said (`ENOSPC`, `EDQUOT`), or undefined if all was taken. */
export async function fillUp(view: View, mostBytes: number, as: Writer = 'root'): Promise<string | undefined> {
  const target = view.type === 'device' ? view.path : join(view.path, 'flood');
  if (as === 'nobody') await run('install', ['-m', '666', '/dev/null', target]);
  const count = String(Math.ceil(mostBytes / DATA_BYTES));
  // Blocks that are not zero, so that no layer can leave them out.
  const script = 'tr "\\0" x < /dev/zero | dd of="$1" bs=1M count="$2" iflag=fullblock conv=fsync,notrunc 2>&1';
  // ext4's quota lets CAP_SYS_RESOURCE pass, which root has and ordinary writers have not.
  const drop = as === 'root' ? ['--bounding-set=-sys_resource'] : ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const writer = [...drop, 'sh', '-c', `${script} || true`, 'sh', target, count];
  const { stdout } = await run('setpriv', writer);
  if (stdout.includes('No space left')) return 'ENOSPC';
  if (stdout.includes('quota exceeded')) return 'EDQUOT';
  return undefined;
}

/** A short digest, for values to compare and print. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
