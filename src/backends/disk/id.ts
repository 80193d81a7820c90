import { StowageError } from '../../errors.ts';

/** What tells a disk of the pool from all others, also after a restart and under another kernel name. */
export type DiskId =
  | { readonly type: 'device'; readonly path: string; readonly hardwareId: string } // its link, and '' where it has no id
  | { readonly type: 'folder'; readonly uuid: string; readonly mountPoint: string }; // of our marker; where it was mounted when it was taken

const FORM = /^(?<type>device|folder):(?<key>[^:]*):(?<path>\/.*)$/;

/** The id as layouts and claims keep it. */
export function formatDiskId(id: DiskId): string {
  return id.type === 'device'
    ? `device:${encodeURIComponent(id.hardwareId)}:${id.path}`
    : `folder:${id.uuid}:${id.mountPoint}`;
}

/** Reads what formatDiskId wrote. Throws 'data-loss' for anything else. */
export function parseDiskId(text: string): DiskId {
  const { type, key, path } = FORM.exec(text)?.groups ?? {};
  if (type === 'folder' && key && path) return { type, uuid: key, mountPoint: path };
  if (type === 'device' && key !== undefined && path) return { type, path, hardwareId: decode(key, text) };
  throw malformed(text);
}

function decode(key: string, text: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    throw malformed(text);
  }
}

function malformed(text: string): StowageError {
  return new StowageError('data-loss', `${JSON.stringify(text)} names no disk: its record is damaged`);
}
