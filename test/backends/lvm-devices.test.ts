import { expect, it } from '@jest/globals';
import { createDevices } from '../../src/backends/lvm/devices.ts';
import { createHost } from '../../src/host/system.ts';

/** A kernel with these devices, where a file of sysfs that is no text fails with that errno. */
function devicesOf(sysfs: Readonly<Record<string, string | { readonly code: string }>>) {
  const host = createHost();
  const read = async (path: string) => {
    const answer = sysfs[path];
    if (typeof answer === 'object') throw Object.assign(new Error(answer.code), answer, { syscall: 'read' });
    return answer;
  };
  const files = { ...host.files, read, list: async () => ['dm-0', 'dm-1', 'sda'] };
  return createDevices('vg', { files, mounts: host.mounts });
}

const FOUND = { '/sys/block/dm-1/dm/name': 'vg-wanted\n', '/sys/block/dm-1/dev': '254:1\n' };

it('finds a logical volume while another one goes away', async () => {
  const devices = devicesOf({ '/sys/block/dm-0/dm/name': { code: 'ENODEV' }, ...FOUND });
  expect(await devices.find('wanted')).toEqual({ path: '/dev/dm-1', number: '254:1' });
});

it('finds none where it goes away itself', async () => {
  const devices = devicesOf({ ...FOUND, '/sys/block/dm-1/dev': { code: 'ENODEV' } });
  expect(await devices.find('wanted')).toBeUndefined();
});

it('says what else goes wrong', async () => {
  const devices = devicesOf({ '/sys/block/dm-0/dm/name': { code: 'EACCES' }, ...FOUND });
  await expect(devices.find('wanted')).rejects.toMatchObject({ code: 'EACCES' });
});
