import { StowageError } from '../../errors.ts';
import type { MemoryLimits } from '../../host/memory-mount.ts';
import type { Plan, Wish } from '../backend.ts';
import { chooseSize, SIZE_STEP_BYTES } from '../sizes.ts';
import type { MemorySettings } from './settings.ts';

const BYTES_PER_INODE = 16 * 1024;

/** Also the smallest volume holds a few files. */
const INODES_MIN = 1024;

/** Chooses the size; see Backend.plan. */
export function planMemory(settings: MemorySettings, wish: Wish): Plan {
  if (wish.access.type === 'block') {
    throw new StowageError(
      'invalid',
      `pool ${settings.name} keeps volumes in memory, which cannot be raw block devices: use a pool with backend image or lvm`,
    );
  }
  const asked = wish.access.fsType ?? '';
  if (asked !== '' && asked !== 'tmpfs') {
    throw new StowageError(
      'invalid',
      `fs type ${asked} was asked for, but pool ${settings.name} keeps volumes in memory (tmpfs): leave csi.storage.k8s.io/fstype out of the StorageClass`,
    );
  }
  if (wish.source !== undefined) {
    throw new StowageError(
      'unsupported',
      `pool ${settings.name} (memory) cannot copy ${wish.source.kind} ${wish.source.id}: its volumes have neither snapshots nor clones`,
    );
  }
  const sizeBytes = chooseSize(wish, { leastBytes: SIZE_STEP_BYTES, sourceBytes: 0 });
  if (sizeBytes > settings.size) {
    throw new StowageError(
      'exhausted',
      `a volume of ${sizeBytes} bytes was asked for, but all volumes of pool ${settings.name} may take ${settings.size} bytes together: ask for less, or raise the pool's size`,
    );
  }
  return { sizeBytes, layout: { backend: 'memory' } };
}

/** The limits of a volume of that size. What its inodes take is not counted in the size: they are limited as well. */
export function limitsFor(sizeBytes: number): MemoryLimits {
  return { sizeBytes, inodes: Math.max(INODES_MIN, Math.ceil(sizeBytes / BYTES_PER_INODE)) };
}
