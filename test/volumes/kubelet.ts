import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publish } from '../../src/csi/validate/node.ts';
import { mountPointsBeneath, signal, type TestDriver } from '../support/driver.ts';

const run = promisify(execFile);

/** What the kubelet does with the inline volume of a pod. */
export interface InlineVolume {
  readonly volumeId: string;
  readonly targetPath: string;
  /** Makes the pod's folder and publishes the volume there, with these attributes from the pod's author. */
  publish(attributes?: Readonly<Record<string, string>>, options?: InlineOptions): Promise<void>;
  unpublish(): Promise<void>;
  /** The end of the pod: its folder goes, whatever became of the volume. */
  removePod(): Promise<void>;
}

export interface InlineOptions {
  readonly readOnly?: boolean;
  readonly fsType?: string;
  readonly targetPath?: string;
  readonly ephemeral?: string; // the kubelet's word
  readonly stagingTargetPath?: string;
  readonly volumeId?: string;
}

export function inlineVolume(at: TestDriver, pod: string): InlineVolume {
  const volumeId = `csi-${createHash('sha256').update(`${at.folder}${pod}`).digest('hex')}`;
  const podFolder = join(at.folder, 'kubelet/pods', pod);
  const usualPath = join(podFolder, 'volumes/kubernetes.io~csi/scratch/mount');
  return {
    volumeId,
    targetPath: usualPath,
    async publish(attributes = {}, options = {}) {
      const { targetPath = usualPath, readOnly = false, fsType = '', ephemeral = 'true', ...other } = options;
      await chmod(at.folder, 0o711); // for writers that are not root
      await mkdir(dirname(targetPath), { recursive: true });
      const request = publish({
        volumeId: other.volumeId ?? volumeId,
        publishContext: {},
        stagingTargetPath: other.stagingTargetPath ?? '',
        targetPath,
        volumeCapability: {
          accessType: 'mount',
          mount: { fsType, mountFlags: [], volumeMountGroup: '' },
          accessMode: { mode: 'SINGLE_NODE_WRITER' },
        },
        readonly: readOnly,
        secrets: {},
        volumeContext: {
          ...attributes,
          'csi.storage.k8s.io/pod.name': pod,
          'csi.storage.k8s.io/ephemeral': ephemeral,
        },
      });
      await at.service.publish(request, signal());
    },
    unpublish: () => at.service.unpublish({ volumeId, targetPath: usualPath }, signal()),
    async removePod() {
      for (const point of await mountPointsBeneath(podFolder)) await run('umount', [point]);
      await rm(podFolder, { recursive: true });
    },
  };
}

/** What a restart of the node takes: all mounts beneath these folders, and loop devices. */
export async function loseMounts(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (const point of await mountPointsBeneath(folder)) await run('umount', [point]);
  }
}

/** Writes as nobody until it is refused; gives the words of the refusal. */
export async function floodAsNobody(folder: string, mebibytes: number): Promise<string> {
  const script = 'dd if=/dev/zero of="$1/flood" bs=1M count="$2" conv=fsync 2>&1 || true';
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const { stdout } = await run('setpriv', [...user, 'sh', '-c', script, 'sh', folder, String(mebibytes)]);
  return stdout;
}
