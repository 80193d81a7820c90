import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkKernel, checkPrivileges } from '../../../src/cli/check/kernel.ts';
import { mountOf, readMounts } from '../../../src/cli/check/mountinfo.ts';
import { checkKubelet, checkPoolMounts, checkStateFolder } from '../../../src/cli/check/mounts.ts';
import { checkSockets } from '../../../src/cli/check/sockets.ts';
import { CONFIG_SCHEMAS, type LocalConfig } from '../../../src/config/schema.ts';
import { createHost } from '../../../src/host/system.ts';
import { type Serving, serving } from '../../csi/support/serving.ts';

function config(...pools: readonly object[]): LocalConfig {
  return CONFIG_SCHEMAS.local.parse({ driver: 'local', stateDir: '/var/lib/stowage', pools });
}

const IMAGE = { name: 'fast', backend: 'image', path: '/mnt/fast', requireMount: true };
const FOLDERS = { name: 'plain', backend: 'directory', path: '/mnt/plain' };
const MEMORY = { name: 'ram', backend: 'memory', size: '1Gi' };

describe('the kernel', () => {
  it.each([
    ['6.18.44-amd64', []],
    ['5.14.0', []],
    ['5.12.0-1', [/5\.14 .* plain$/]],
    ['5.10.0', [/5\.14/, /^note: .*5\.12/]],
    ['4.18.0-553.el8', [/5\.6/, /5\.14/, /^note: /]],
  ])('%s', (release, expected) => {
    const { remarks } = checkKernel(release, config(IMAGE, FOLDERS).pools);
    expect(remarks).toEqual(expected.map((words) => expect.stringMatching(words)));
  });

  it('needs no quotas where no pool has any', () => {
    expect(checkKernel('5.13.0', config(IMAGE, { ...FOLDERS, quota: 'advisory' }).pools).remarks).toEqual([]);
  });
});

describe('privileges', () => {
  const status = (uid: number, capabilities: string) =>
    `Name:\tnode\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nCapInh:\t0\nCapEff:\t${capabilities}\n`;
  const remarksOn = (uid: number, capabilities: string) =>
    checkPrivileges(status(uid, capabilities), config(IMAGE).pools).remarks;

  it('are all there, or it says which are missing', () => {
    expect(remarksOn(0, '000001ffffffffff')).toEqual([]);
    expect(remarksOn(0, '000001fffeffffff')).toEqual([expect.stringMatching(/^note: CAP_SYS_RESOURCE/)]);
    expect(remarksOn(0, '00000000a80425fb')).toEqual([expect.stringMatching(/^CAP_SYS_ADMIN is missing/)]);
    expect(remarksOn(1000, '0000000000000000')).toEqual([
      expect.stringMatching(/must be root/),
      expect.stringMatching(/^CAP_SYS_ADMIN/),
    ]);
  });
});

describe('mounts', () => {
  /** As in the chart's container. */
  const container = (pods: string, state: string, mnt: string) =>
    readMounts(
      [
        '1 0 0:50 / / ro,relatime - overlay overlay ro',
        `2 1 8:1 /var/lib/kubelet/pods /var/lib/kubelet/pods rw ${pods}- ext4 /dev/sda1 rw`,
        '3 1 8:1 /var/lib/kubelet/plugins /var/lib/kubelet/plugins rw shared:1 - ext4 /dev/sda1 rw',
        `4 1 8:1 /var/lib/stowage /var/lib/stowage rw ${state}- ext4 /dev/sda1 rw`,
        `5 1 8:1 /mnt /mnt rw ${mnt}- ext4 /dev/sda1 rw`,
      ].join('\n'),
    );
  const good = container('shared:1 ', 'shared:1 ', 'master:1 ');
  const bad = container('master:1 ', '', '');

  it('are told by the longest mount point, and the last at it', () => {
    expect(mountOf(good, '/var/lib/kubelet/pods/x')?.propagation).toBe('shared');
    expect(mountOf(good, '/var/lib/kubelet/podsx')?.fsType).toBe('overlay');
    expect(mountOf([...good, ...bad], '/mnt/fast')?.propagation).toBe('private');
  });

  it('that pods do not see are named, with what to do', () => {
    expect(checkKubelet('/var/lib/kubelet', good).remarks).toEqual([]);
    expect(checkKubelet('/var/lib/kubelet', bad).remarks).toEqual([
      expect.stringMatching(/^mounts made beneath \/var\/lib\/kubelet\/pods .* Bidirectional/),
    ]);
  });

  it('of disks that come later are seen, or it says so', () => {
    expect(checkPoolMounts(config(IMAGE, FOLDERS).pools, good)[0]?.remarks).toEqual([]);
    expect(checkPoolMounts(config(IMAGE, FOLDERS).pools, bad)[0]?.remarks).toEqual([
      expect.stringMatching(/^pool fast: .* HostToContainer/),
    ]);
  });

  it('of the state folder outlive the container, and are seen where volumes are in them', () => {
    expect(checkStateFolder(config(IMAGE, MEMORY), good, true).remarks).toEqual([]);
    expect(checkStateFolder(config(IMAGE), bad, true).remarks).toEqual([]);
    expect(checkStateFolder(config(MEMORY), bad, true).remarks).toEqual([expect.stringMatching(/Bidirectional/)]);
    const gone = good.filter(({ mountPoint }) => mountPoint !== '/var/lib/stowage');
    expect(checkStateFolder(config(IMAGE), gone, false).remarks).toEqual([
      expect.stringMatching(/^note: /),
      expect.stringMatching(/lies on overlay/),
      expect.stringMatching(/read-only/),
    ]);
  });
});

describe('sockets', () => {
  const { files } = createHost();
  let at: Serving;
  let kubelet: string;
  let deaf: Server | undefined;

  beforeEach(async () => {
    at = await serving();
    kubelet = await mkdtemp(join(tmpdir(), 'stowage-kubelet-'));
    await mkdir(join(kubelet, 'plugins_registry'));
  });
  afterEach(async () => {
    delete process.env.CSI_ENDPOINT;
    await new Promise<void>((resolve) => (deaf === undefined ? resolve() : deaf.close(() => resolve())));
    deaf = undefined;
    await at.end();
    await rm(kubelet, { recursive: true });
  });

  const look = () => checkSockets(files, { name: 'local.csi.stowage.dev' }, [kubelet]);

  it('a driver that answers is fine, and one that the kubelet does not know is a note', async () => {
    await at.start();
    process.env.CSI_ENDPOINT = `unix://${at.path}`;
    expect(await look()).toEqual([
      { what: 'CSI socket', found: at.path, remarks: [] },
      { what: 'registration', found: expect.any(String), remarks: [expect.stringMatching(/^note: the kubelet/)] },
    ]);
  });

  it('one that is not ready yet, does not answer, or is not there says what to do', async () => {
    process.env.CSI_ENDPOINT = at.path;
    expect((await look())[0]?.remarks).toEqual([expect.stringMatching(/^note: there is none/)]);
    await at.start({ ready: () => ({ ready: false }) });
    expect((await look())[0]?.remarks).toEqual([expect.stringMatching(/still recovers/)]);
    const path = join(kubelet, 'deaf.sock');
    deaf = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => deaf?.listen(path, resolve));
    process.env.CSI_ENDPOINT = path;
    expect((await look())[0]?.remarks).toEqual([expect.stringMatching(/no driver answers/)]);
  }, 20_000);
});
