import type { Files, TextFile, TreeCopyProgress } from '../../host/files.ts';
import {
  isBytes,
  isFileStat,
  isFileSystemStat,
  isFlag,
  isNothing,
  isText,
  isTextFile,
  isTreeCopyProgress,
  isTreeSize,
  listOf,
  optional,
  type Shape,
} from './shapes.ts';

/** Methods that go over the channel as they are. */
type Plain = Exclude<keyof Files, 'readAll' | 'openFolder' | 'openPath' | 'lock' | LongMethod>;

/** Methods that run as long as their data is large, until their signal ends them. The worker adds the signal, and tells of their progress. */
export type LongMethod = 'removeTree' | 'copy' | 'copyTree' | 'allocate';

/** What a worker does for its share. */
export interface RemoteFiles extends Pick<Files, Plain> {
  removeTree(path: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  copyTree(from: string, to: string): Promise<TreeCopyProgress>;
  allocate(path: string, sizeBytes: number): Promise<void>;
  /** Opens a folder under the caller's handle. @returns its path by the worker's descriptor */
  openFolder(root: string, relative: string, folder: number): Promise<string>;
  /** Begins readAll under the caller's number. @returns the first batch; undefined at the end, as readNext */
  readFirst(folder: string, suffix: string, maxBytes: number, reading: number): Promise<TextFile[] | undefined>;
  readNext(reading: number): Promise<TextFile[] | undefined>;
}

export type Method = keyof RemoteFiles;
export type Answer<M extends Method> = Awaited<ReturnType<RemoteFiles[M]>>;

interface Way<M extends Method> {
  /** How many of the first arguments are paths on the share. */
  readonly paths: 0 | 1 | 2;
  readonly isAnswer: Shape<Answer<M>>;
}

/** Every method, by RemoteFiles' own keys: one that Files gets does not compile until it is entered here. */
export const METHODS: { readonly [M in Method]: Way<M> } = {
  read: { paths: 1, isAnswer: optional(isText) },
  readStart: { paths: 1, isAnswer: optional(isBytes) },
  readFirst: { paths: 1, isAnswer: optional(listOf(isTextFile)) },
  readNext: { paths: 0, isAnswer: optional(listOf(isTextFile)) },
  list: { paths: 1, isAnswer: listOf(isText) },
  stat: { paths: 1, isAnswer: optional(isFileStat) },
  statfs: { paths: 1, isAnswer: isFileSystemStat },
  isWritable: { paths: 1, isAnswer: isFlag },
  measureSmallTree: { paths: 1, isAnswer: optional(isTreeSize) },
  resolveParent: { paths: 1, isAnswer: isText },
  writeDurably: { paths: 1, isAnswer: isNothing },
  removeDurably: { paths: 1, isAnswer: isNothing },
  makeFolder: { paths: 1, isAnswer: isFlag },
  makeFolders: { paths: 1, isAnswer: isNothing },
  touch: { paths: 1, isAnswer: isNothing },
  removeFolder: { paths: 1, isAnswer: isNothing },
  removeFile: { paths: 1, isAnswer: isNothing },
  removeTree: { paths: 1, isAnswer: isNothing },
  rename: { paths: 2, isAnswer: isNothing },
  moveFolder: { paths: 1, isAnswer: isFlag },
  makeLink: { paths: 2, isAnswer: isFlag },
  readLink: { paths: 1, isAnswer: optional(isText) },
  chown: { paths: 1, isAnswer: isNothing },
  chmod: { paths: 1, isAnswer: isNothing },
  createSparse: { paths: 1, isAnswer: isNothing },
  grow: { paths: 1, isAnswer: isNothing },
  allocate: { paths: 1, isAnswer: isNothing },
  clone: { paths: 2, isAnswer: isNothing },
  canClone: { paths: 1, isAnswer: isFlag },
  copy: { paths: 2, isAnswer: isNothing },
  copyTree: { paths: 2, isAnswer: isTreeCopyProgress },
  recover: { paths: 0, isAnswer: isNothing },
  sync: { paths: 1, isAnswer: isNothing },
  openFolder: { paths: 1, isAnswer: isText },
  makeBeneath: { paths: 1, isAnswer: isNothing },
};

const LONG_METHODS: { readonly [M in LongMethod]: true } = {
  removeTree: true,
  copy: true,
  copyTree: true,
  allocate: true,
};

export function isLongMethod(method: string): method is LongMethod {
  return Object.hasOwn(LONG_METHODS, method);
}

export function isMethod(value: unknown): value is Method {
  return typeof value === 'string' && Object.hasOwn(METHODS, value);
}
