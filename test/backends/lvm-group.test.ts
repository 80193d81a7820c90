import { describe, expect, it } from '@jest/globals';
import { requireRoom, thinPoolCondition, thinPoolOf } from '../../src/backends/lvm/limits.ts';
import { createVolumeGroup } from '../../src/backends/lvm/volume-group.ts';
import { StowageError } from '../../src/errors.ts';
import type { Commands } from '../../src/host/command.ts';

// What LVM says is put in its mouth here: what it does itself is tried in the lab.
const signal = () => AbortSignal.timeout(10_000);
const GROUP = { vg_size: '1073741824', vg_free: '0', vg_extent_size: '4194304', vg_tags: '' };
const THIN = {
  ...GROUP,
  lv_name: 'thin',
  lv_size: '1000000',
  lv_tags: '',
  lv_attr: 'twi-aotz--',
  pool_lv: '',
  data_percent: '10.00',
  metadata_percent: '10.00',
  lv_health_status: '',
  lv_check_needed: '',
  lv_active: 'active',
  lv_device_open: '',
  lv_suspended: '',
};
const lvsOf = (...lv: readonly object[]) => JSON.stringify({ report: [{ lv }] });

function groupThatSays(answer: (program: string, args: readonly string[]) => string | Promise<string>) {
  const ran: string[] = [];
  const commands: Commands = {
    async run(program, args) {
      ran.push(program);
      return { stdout: await answer(program, args), stderr: '', exitCode: 0 };
    },
  };
  return { group: createVolumeGroup('vg', commands), ran };
}

function gate(): { passed: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

const settings = { name: 'pool', path: '/pool', volumeGroup: 'vg', thinPool: 'thin', fsType: 'ext4' } as const;

async function thinPool(change: Partial<typeof THIN>) {
  const report = await groupThatSays(() => lvsOf({ ...THIN, ...change })).group.report();
  const thin = thinPoolOf({ settings }, report);
  if (thin === undefined) throw new Error('there is no thin pool');
  return {
    room: () => requireRoom({ settings }, report, 'a volume'),
    condition: thinPoolCondition({ settings }, thin),
  };
}

describe('a thin pool', () => {
  it.each([
    [{ data_percent: '84.99', metadata_percent: '74.99' }, undefined, undefined],
    [{ data_percent: '85.00' }, undefined, '85 % of its 1000000 bytes'],
    [{ metadata_percent: '75.00' }, undefined, '75 % of its metadata'],
    [{ data_percent: '90.00' }, 'exhausted', '90 % of its 1000000 bytes'],
    [{ metadata_percent: '80.00' }, 'exhausted', '80 % of its metadata'],
    [{ lv_health_status: 'out_of_data' }, 'unavailable', 'not well (out_of_data)'],
    [{ lv_check_needed: 'check needed' }, 'unavailable', 'lvconvert --repair vg/thin'],
  ])('with %j refuses what is new with %s and says %s', async (change, code, condition) => {
    const found = await thinPool(change);
    if (code === undefined) expect(found.room).not.toThrow();
    else expect(found.room).toThrow(expect.objectContaining({ code }));
    if (condition === undefined) expect(found.condition).toBeUndefined();
    else expect(found.condition).toContain(condition);
  });

  it('is refused where it is none', async () => {
    await expect(thinPool({ lv_attr: '-wi-a-----' })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(thinPool({ lv_name: 'other' })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('the report of a group', () => {
  it('is one lvs for all who ask, until something changes', async () => {
    const { group, ran } = groupThatSays(() => lvsOf(THIN));
    await Promise.all(Array.from({ length: 50 }, () => group.report()));
    await group.settledReport(signal());
    expect(ran).toEqual(['lvs']);
    await group.change('lvcreate', [], 'making', signal());
    await Promise.all([group.report(), group.settledReport(signal())]);
    expect(ran).toEqual(['lvs', 'lvcreate', 'lvs']);
  });

  it('is not kept where it was read while something changed', async () => {
    const { passed: slow, open: finish } = gate();
    let looks = 0;
    const { group } = groupThatSays(async (program) => {
      if (program === 'lvs' && looks++ === 0) await slow;
      return lvsOf(THIN);
    });
    const early = group.report();
    await group.change('lvcreate', [], 'making', signal());
    const late = group.report();
    finish();
    await Promise.all([early, late]);
    await group.report();
    expect(looks).toBe(2);
  });

  it('is had from vgs where there is no logical volume', async () => {
    const { group } = groupThatSays((program) =>
      program === 'lvs' ? lvsOf() : JSON.stringify({ report: [{ vg: [GROUP] }] }),
    );
    expect(await group.report()).toMatchObject({ sizeBytes: 1024 ** 3, volumes: new Map() });
  });

  it('says what is missing, and what cannot be read', async () => {
    const missing = groupThatSays(() => Promise.reject(new Error('  Volume group "vg" not found')));
    await expect(missing.group.report()).rejects.toMatchObject({ code: 'unavailable' });
    const other = groupThatSays(() => '{"report":[{"lv":[{"lv_name":7}]}]}');
    await expect(other.group.report()).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('a change', () => {
  it('goes on after its caller has gone, and is waited for', async () => {
    const { passed: slow, open: finish } = gate();
    const begun = gate();
    const done: string[] = [];
    const { group } = groupThatSays(async (program) => {
      if (program === 'lvcreate') {
        begun.open();
        await slow;
      }
      done.push(program);
      return lvsOf(THIN);
    });
    const caller = new AbortController();
    const change = group.change('lvcreate', [], 'making', caller.signal);
    await begun.passed;
    caller.abort();
    await expect(change).rejects.toMatchObject({ code: 'cancelled' });
    const settled = group.settledReport(signal());
    finish();
    await settled;
    expect(done).toEqual(['lvcreate', 'lvs']);
  });

  it('that finds no room is exhausted, and keeps no later one from its turn', async () => {
    const { group } = groupThatSays((program) =>
      program === 'lvcreate'
        ? Promise.reject(new StowageError('internal', 'lvcreate: insufficient free space: 1 extents needed'))
        : '',
    );
    const full = group.change('lvcreate', [], 'making', signal());
    await expect(full).rejects.toMatchObject({ code: 'exhausted' });
    await group.change('lvremove', [], 'removing', signal());
  });
});
