import type { Commands } from '../../host/command.ts';
import type { ImageContent } from '../backend.ts';

export interface Medium {
  /** All its bytes read as zero: a new file, a new thin volume. */
  readonly zeroed: boolean;
  /** The sector size for XFS; left out: what the device says. */
  readonly sectorBytes?: number;
}

/**
 * The file system type's mkfs arguments. Where all bytes read as zero, ext4 need not zero its journal and inode tables
 * (8 MiB rather than 70 MiB taken at 10 GiB). Nothing is discarded: that would give up reserved blocks, and there is nothing to
 * discard in what is new. Blocks of 4096 bytes suit devices of either sector size. Needs e2fsprogs 1.47 and xfsprogs 5.19 or later.
 */
export function mkfsCommand(
  content: ImageContent,
  { zeroed, sectorBytes }: Medium,
): readonly [program: string, ...args: string[]] | undefined {
  if (content.type === 'block') return undefined;
  switch (content.fsType) {
    case 'ext4': {
      const extended = zeroed ? 'nodiscard,assume_storage_prezeroed=1' : 'nodiscard';
      return ['mkfs.ext4', '-q', '-F', '-m', '0', '-b', '4096', '-E', extended];
    }
    case 'xfs': {
      const sector = sectorBytes === undefined ? [] : ['-s', `size=${sectorBytes}`];
      return ['mkfs.xfs', '-q', '-f', '-K', '-b', 'size=4096', ...sector];
    }
  }
}

/** Makes the file system in a file or device; nothing for raw block. */
export async function format(
  commands: Commands,
  content: ImageContent,
  medium: Medium,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const command = mkfsCommand(content, medium);
  if (command === undefined) return;
  const [program, ...args] = command;
  await commands.run(program, [...args, path], { signal });
}
