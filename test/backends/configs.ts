import type { BackendConfig } from '../../src/backends/registry.ts';

type ImageConfig = Extract<BackendConfig, { backend: 'image' }>;

export function imageConfig(path: string, change: Partial<ImageConfig> = {}): BackendConfig {
  const plain = { name: 'test', path, fsType: 'ext4', blockSizeBytes: 512, preallocate: false } as const;
  return { ...plain, ...change, backend: 'image' };
}

export function directoryConfig(path: string, quota: 'enforced' | 'advisory'): BackendConfig {
  return { backend: 'directory', name: 'test', path, quota, inodesPerGiB: 65_536, folderMode: 0o777 };
}

export function memoryConfig(path: string, sizeBytes: number): BackendConfig {
  return { backend: 'memory', name: 'test', path, size: sizeBytes, folderMode: 0o777 };
}
