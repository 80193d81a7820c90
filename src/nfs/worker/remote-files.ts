import { StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import type { Calls } from './calls.ts';
import type { Folders } from './folders.ts';

/** What callers hold open on a share. */
export interface Opened {
  readonly folders: Folders;
  readonly readings: Set<number>; // of readAll
}

const OF_ONE_PROCESS = 'what it gives belongs to the process that has it';
const NEEDS_ROOT = 'the next worker must find the way from the root';

/** The Files whose every call is one of a share's workers. See ShareFiles.files. */
export function createRemoteFiles(share: string, calls: Calls, { folders, readings }: Opened): Files {
  const { short, long } = calls;
  let lastNumber = 0;

  function nextNumber(): number {
    lastNumber += 1;
    return lastNumber;
  }

  function refuse(method: string, why: string): Promise<never> {
    return Promise.reject(new StowageError('unsupported', `${share}: ${method} is not offered on a share: ${why}`));
  }

  return {
    read: (...args) => short('read', ...args),
    readStart: (...args) => short('readStart', ...args),
    list: (...args) => short('list', ...args),
    stat: (...args) => short('stat', ...args),
    statfs: (...args) => short('statfs', ...args),
    isWritable: (...args) => short('isWritable', ...args),
    measureSmallTree: (...args) => short('measureSmallTree', ...args),
    resolveParent: (...args) => short('resolveParent', ...args),
    writeDurably: (...args) => short('writeDurably', ...args),
    removeDurably: (...args) => short('removeDurably', ...args),
    makeFolder: (...args) => short('makeFolder', ...args),
    makeFolders: (...args) => short('makeFolders', ...args),
    touch: (...args) => short('touch', ...args),
    removeFolder: (...args) => short('removeFolder', ...args),
    removeFile: (...args) => short('removeFile', ...args),
    rename: (...args) => short('rename', ...args),
    moveFolder: (...args) => short('moveFolder', ...args),
    makeLink: (...args) => short('makeLink', ...args),
    readLink: (...args) => short('readLink', ...args),
    chown: (...args) => short('chown', ...args),
    chmod: (...args) => short('chmod', ...args),
    createSparse: (...args) => short('createSparse', ...args),
    grow: (...args) => short('grow', ...args),
    clone: (...args) => short('clone', ...args),
    canClone: (...args) => short('canClone', ...args),
    recover: () => short('recover'),
    sync: (...args) => short('sync', ...args),
    makeBeneath: (...args) => short('makeBeneath', ...args),
    removeTree: (path, signal) => long({ signal }, 'removeTree', path),
    copy: (from, to, signal) => long({ signal }, 'copy', from, to),
    copyTree: (from, to, signal, onProgress) => long({ signal, onProgress }, 'copyTree', from, to),
    allocate: (path, sizeBytes, signal) => long({ signal }, 'allocate', path, sizeBytes),

    async *readAll(folder, suffix, maxBytes) {
      const reading = nextNumber();
      readings.add(reading);
      try {
        let batch = await short('readFirst', folder, suffix, maxBytes, reading);
        while (batch !== undefined) {
          yield batch;
          batch = await short('readNext', reading);
        }
      } finally {
        readings.delete(reading);
        calls.tell({ type: 'close', what: 'reading', number: reading });
      }
    },

    async openFolder(root, relative) {
      if (typeof folders.locate(root) !== 'string') return refuse('openFolder within an open folder', NEEDS_ROOT);
      const folder = nextNumber();
      const path = await short('openFolder', root, relative, folder);
      folders.add(folder, { root, relative }, path);
      return {
        path,
        close: async () => {
          folders.remove(folder);
          calls.tell({ type: 'close', what: 'folder', number: folder });
        },
      };
    },

    openPath: () => refuse('openPath', OF_ONE_PROCESS),
    lock: () => refuse('lock', OF_ONE_PROCESS),
  };
}
