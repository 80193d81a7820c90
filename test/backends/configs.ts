import type { BackendConfig } from '../../src/backends/registry.ts';

type ImageConfig = Extract<BackendConfig, { backend: 'image' }>;

export function imageConfig(path: string, change: Partial<ImageConfig> = {}): BackendConfig {
  const plain = { name: 'test', path, fsType: 'ext4', blockSizeBytes: 512, preallocate: false } as const;
  return { ...plain, ...change, backend: 'image' };
}

export function directoryConfig(path: string, quota: 'enforced' | 'advisory'): BackendConfig {
  return {
    backend: 'directory',
    name: 'test',
    path,
    quota,
    inodesPerGiB: 65_536,
    folderMode: 0o777,
    quotaScanIntervalMs: 600_000,
  };
}

type LvmConfig = Extract<BackendConfig, { backend: 'lvm' }>;

export function lvmConfig(path: string, volumeGroup: string, change: Partial<LvmConfig>): BackendConfig {
  return { name: 'test', path, volumeGroup, fsType: 'ext4', ...change, backend: 'lvm' };
}

type DiskConfig = Extract<BackendConfig, { backend: 'disk' }>;

export function diskConfig(path: string, change: Partial<DiskConfig>): BackendConfig {
  const plain = { name: 'test', path, devices: [], fsType: 'ext4', wipe: 'discard', folderMode: 0o777 } as const;
  return { ...plain, ...change, backend: 'disk' };
}

export function memoryConfig(path: string, sizeBytes: number): BackendConfig {
  return { backend: 'memory', name: 'test', path, size: sizeBytes, folderMode: 0o777 };
}

export function btrfsConfig(path: string, quota: 'enforced' | 'advisory'): BackendConfig {
  return { backend: 'btrfs', name: 'test', path, quota, folderMode: 0o777 };
}
