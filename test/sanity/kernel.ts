import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { makePool } from '../support/pools.ts';

/** What a machine may lack; the lab has all. */
export type KernelFeature = 'project-quota' | 'ext4-growth' | 'device-mapper' | 'nfs';

const PROBES: Readonly<Record<KernelFeature, () => Promise<boolean>>> = {
  'project-quota': hasProjectQuota,
  'ext4-growth': mayGrowExt4,
  'device-mapper': async () => existsSync('/dev/mapper/control'),
  nfs: async () => existsSync('/proc/fs/nfsd/threads'), // a server of the lab's own: nobody's machine is made one
};

export function hasFeature(feature: KernelFeature): Promise<boolean> {
  return PROBES[feature]();
}

async function hasProjectQuota(): Promise<boolean> {
  for (const kind of ['xfs-quota', 'ext4-quota'] as const) {
    try {
      await (await makePool(kind, 512 * 1024 ** 2)).cleanup();
    } catch (error) {
      if (/mount/.test(String(error))) return false;
      throw error;
    }
  }
  return true;
}

/** A mounted ext4 grows only with CAP_SYS_RESOURCE (bit 24), which a build machine's root may lack. */
async function mayGrowExt4(): Promise<boolean> {
  const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> 24n) & 1n) === 1n;
}
