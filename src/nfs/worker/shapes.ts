import { isUint8Array } from 'node:util/types';
import type { FileStat, FileSystemStat, TextFile, TreeCopyProgress, TreeSize } from '../../host/files.ts';

/** Tells whether what came over the channel is what was asked for. */
export type Shape<T> = (value: unknown) => value is T;

export const isAnything: Shape<unknown> = (_value): _value is unknown => true;
export const isNothing: Shape<undefined> = (value) => value === undefined;
export const isText: Shape<string> = (value) => typeof value === 'string';
export const isNumber: Shape<number> = (value) => typeof value === 'number';
export const isFlag: Shape<boolean> = (value) => typeof value === 'boolean';
export const isBytes: Shape<Uint8Array> = (value) => isUint8Array(value);

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value): value is T | undefined => value === undefined || shape(value);
}

export function listOf<T>(shape: Shape<T>): Shape<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(shape);
}

export function anyOf<T>(...shapes: readonly ((value: unknown) => boolean)[]): Shape<T> {
  return (value): value is T => shapes.some((shape) => shape(value));
}

/** An object whose values all have the shape, whatever its keys are. */
export function dictionaryOf<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return (value): value is Record<string, T> =>
    typeof value === 'object' && value !== null && Object.values(value).every(shape);
}

/** An object of which each field has its shape. */
export function record<T extends object>(fields: { readonly [Key in keyof T]-?: Shape<T[Key]> }): Shape<T> {
  const shapes: [string, Shape<unknown>][] = Object.entries(fields);
  return (value): value is T =>
    typeof value === 'object' && value !== null && shapes.every(([key, shape]) => shape(Reflect.get(value, key)));
}

export function oneOf<T extends string>(words: { readonly [Word in T]: true }): Shape<T> {
  return (value): value is T => typeof value === 'string' && Object.hasOwn(words, value);
}

export const isFileStat = record<FileStat>({
  type: oneOf({ file: true, folder: true, link: true, block: true, character: true, socket: true, fifo: true }),
  mode: isNumber,
  uid: isNumber,
  gid: isNumber,
  sizeBytes: isNumber,
  allocatedBytes: isNumber,
  device: isNumber,
  rdev: isNumber,
  inode: isNumber,
  modifiedAtMs: isNumber,
});

export const isFileSystemStat = record<FileSystemStat>({
  type: oneOf({ ext: true, xfs: true, btrfs: true, tmpfs: true, overlay: true, nfs: true, other: true }),
  totalBytes: isNumber,
  freeBytes: isNumber,
  availableBytes: isNumber,
  totalInodes: isNumber,
  freeInodes: isNumber,
});

export const isTreeSize = record<TreeSize>({ bytes: isNumber, inodes: isNumber });
export const isTreeCopyProgress = record<TreeCopyProgress>({
  files: isNumber,
  filesFound: isNumber,
  filesKept: isNumber,
  bytes: isNumber,
  bytesFound: isNumber,
  clonedBytes: isNumber,
  rangeBytes: isNumber,
  copiedBytes: isNumber,
});
export const isTextFile = record<TextFile>({ name: isText, text: isText });
