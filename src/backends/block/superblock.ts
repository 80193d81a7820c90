/** Enough for the superblocks of ext4 and XFS. */
export const SUPERBLOCK_BYTES = 4096;

export interface Superblock {
  readonly blockSizeBytes: number;
  readonly sizeBytes: number; // whole blocks
}

/**
 * What the superblock says, by the first SUPERBLOCK_BYTES of what the file system lies on; undefined where there is none of that type.
 * The kernel's Documentation/filesystems/ext4/super.rst; xfs_db(8), `sb`.
 */
export function parseSuperblock(start: Uint8Array, fsType: 'ext4' | 'xfs'): Superblock | undefined {
  if (start.length < SUPERBLOCK_BYTES) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  return fsType === 'ext4' ? parseExt4(view) : parseXfs(view);
}

const EXT4_OFFSET = 1024;
const EXT4_MAGIC = 0xef53;
const EXT4_64BIT = 0x80; // of s_feature_incompat: the count of blocks has an upper half
const EXT4_LARGEST_LOG = 6; // blocks of 64 KiB

function parseExt4(view: DataView): Superblock | undefined {
  const number = (offset: number) => view.getUint32(EXT4_OFFSET + offset, true);
  const log = number(0x18);
  if (view.getUint16(EXT4_OFFSET + 0x38, true) !== EXT4_MAGIC || log > EXT4_LARGEST_LOG) return undefined;
  const blockSizeBytes = 1024 * 2 ** log;
  const upper = (number(0x60) & EXT4_64BIT) === 0 ? 0 : number(0x150);
  return { blockSizeBytes, sizeBytes: (upper * 2 ** 32 + number(0x4)) * blockSizeBytes };
}

const XFS_MAGIC = 0x58465342; // XFSB

function parseXfs(view: DataView): Superblock | undefined {
  if (view.getUint32(0) !== XFS_MAGIC) return undefined;
  const blockSizeBytes = view.getUint32(4);
  return { blockSizeBytes, sizeBytes: Number(view.getBigUint64(8)) * blockSizeBytes };
}
