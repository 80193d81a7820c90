import { closeSync, constants } from 'node:fs';
import { O_PATH } from '../fd.ts';
import { type Name, openBeneath } from './calls.ts';
import type { Folder } from './job.ts';

/** A path that the kernel takes at once: PATH_MAX is 4096, with the zero byte. */
const MAX_PATH_BYTES = 4000;
const MAX_SHOWN = 300;
const REFERENCE = O_PATH | constants.O_DIRECTORY;

/** Opens a folder of the tree, however deep it lies. ENOENT, ELOOP or ENOTDIR where it, or one above it, is another thing now. */
export async function openFolderOf(rootFd: number, folder: Folder, flags = constants.O_RDONLY): Promise<number> {
  const parts = partsOf(folder);
  let fd = rootFd;
  try {
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const next = await openBeneath(fd, part, isLast ? flags | constants.O_DIRECTORY : REFERENCE);
      if (fd !== rootFd) closeSync(fd);
      fd = next;
    }
    return fd;
  } catch (error) {
    if (fd !== rootFd) closeSync(fd);
    throw error;
  }
}

/** Opens a folder of the tree for a piece of work. */
export async function withFolderOf<T>(rootFd: number, folder: Folder, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = await openFolderOf(rootFd, folder);
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

/** The folder's path beneath the root, in pieces that the kernel takes. */
function partsOf(folder: Folder): Name[] {
  const parts: Name[] = [];
  let part = '';
  for (const name of namesOf(folder)) {
    if (part !== '' && part.length + name.length >= MAX_PATH_BYTES) {
      parts.push(part);
      part = '';
    }
    part = part === '' ? name : `${part}/${name}`;
  }
  return [...parts, part === '' ? '.' : part];
}

function namesOf(folder: Folder): Name[] {
  const names: Name[] = [];
  for (let at = folder; at.parent !== undefined; at = at.parent) names.push(at.name);
  return names.reverse();
}

/** An entry's path beneath the root, for messages. */
export function shownPath(folder: Folder, name?: Name): string {
  const path = [...namesOf(folder), ...(name === undefined ? [] : [name])].join('/');
  const text = Buffer.from(path, 'latin1').toString();
  return text.length > MAX_SHOWN ? `...${text.slice(-MAX_SHOWN)}` : text;
}
