import { bindAsyncCall, bindCall } from './libc.ts';

/**
 * A folder's identity on its file system (struct file_handle of name_to_handle_at(2)), as text of one byte a character: it costs no descriptor,
 * has no length that grows with the depth, and does not lead elsewhere when folders are renamed.
 */
export type FileHandle = string;

const AT_EMPTY_PATH = 0x1000;
const HEADER_BYTES = 8; // handle_bytes, handle_type
const MAX_HANDLE_BYTES = 128; // MAX_HANDLE_SZ

const nameToHandleAt = bindCall(
  'int name_to_handle_at(int dirfd, const char *pathname, void *handle, int *mount_id, int flags)',
);
/** In a thread: the inode may have to be read from the disk. */
const openByHandleAt = bindAsyncCall('int open_by_handle_at(int mount_fd, void *handle, int flags)');

/** The handle of what is open, also with O_PATH. */
export function handleOf(fd: number): FileHandle {
  const handle = Buffer.alloc(HEADER_BYTES + MAX_HANDLE_BYTES);
  handle.writeUInt32LE(MAX_HANDLE_BYTES, 0);
  nameToHandleAt(undefined, fd, '', handle, Buffer.alloc(4), AT_EMPTY_PATH);
  return handle.toString('latin1', 0, HEADER_BYTES + handle.readUInt32LE(0));
}

/**
 * Opens what the handle names, on the file system of `mountFd`. ESTALE where it is gone; EPERM without CAP_DAC_READ_SEARCH.
 * @param flags of open(2)
 */
export function openHandle(mountFd: number, handle: FileHandle, flags: number): Promise<number> {
  return openByHandleAt(undefined, mountFd, Buffer.from(handle, 'latin1'), flags);
}
