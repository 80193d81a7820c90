import type { Commands } from '../../host/command.ts';
import type { ImageLayout } from '../layout.ts';

/**
 * The file system type's mkfs arguments for a new file, all of whose bytes read as zero: so ext4 need not zero its journal and
 * inode tables (8 MiB rather than 70 MiB taken at 10 GiB), and nothing is discarded, which would give up reserved blocks.
 * Blocks of 4096 bytes suit loop devices of either sector size. Needs e2fsprogs 1.47 and xfsprogs 5.19 or later.
 */
export function mkfsCommand(layout: ImageLayout): readonly [program: string, ...args: string[]] | undefined {
  if (layout.content.type === 'block') return undefined;
  switch (layout.content.fsType) {
    case 'ext4':
      return ['mkfs.ext4', '-q', '-F', '-m', '0', '-b', '4096', '-E', 'nodiscard,assume_storage_prezeroed=1'];
    case 'xfs':
      return ['mkfs.xfs', '-q', '-f', '-K', '-b', 'size=4096', '-s', `size=${layout.blockSizeBytes}`];
  }
}

/** Makes the layout's file system in a new file; nothing for raw block. */
export async function format(
  commands: Commands,
  layout: ImageLayout,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const command = mkfsCommand(layout);
  if (command === undefined) return;
  const [program, ...args] = command;
  await commands.run(program, [...args, file], { signal });
}
