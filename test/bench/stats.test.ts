import { describe, expect, it } from '@jest/globals';
import { load } from '../../bench/load.ts';
import { type Results, ratio } from '../../bench/results.ts';
import { median, medianSpread, percentile, summarize } from '../../bench/stats.ts';
import { judge } from '../../bench/targets.ts';

describe('statistics', () => {
  it('takes percentiles by nearest rank', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(sorted, 0.5), percentile(sorted, 0.99), percentile(sorted, 1), percentile([7], 0.5)]).toEqual([
      50, 99, 100, 7,
    ]);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('takes the mean of the two middle values', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
    expect(median([])).toBeNaN();
  });

  it('sums up calls', () => expect(summarize([3, 1, 2], 500)).toEqual({ count: 3, p50Ms: 2, p99Ms: 3, perSecond: 6 }));

  it.each([
    [1, 0],
    [5, 0],
    [6, 0], // all six on one side: 3 %
    [8, 0],
    [9, 1], // 4 %
    [12, 2],
    [15, 3],
  ])('cuts the outer values of %i off, %i at each end, for the interval of their median', (count, cut) => {
    const values = Array.from({ length: count }, (_, index) => index).reverse();
    expect(medianSpread(values)).toEqual({ median: (count - 1) / 2, least: cut, most: count - 1 - cut });
  });

  it('pairs the rounds for ratios', () => {
    expect(ratio([2, 9, 4], [1, 3, 4])).toEqual({ median: 2, least: 1, most: 3 });
    expect(ratio([1], [])).toBeUndefined();
  });
});

describe('load', () => {
  it('calls each index once, and no more at a time than asked for', async () => {
    const seen: number[] = [];
    let running = 0;
    let most = 0;
    const { count } = await load(20, 3, async (index) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(index);
      running--;
    });
    expect({ count, most }).toEqual({ count: 20, most: 3 });
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('fails with the first error, after what runs has ended', async () => {
    let running = 0;
    const calls = load(20, 3, async (index) => {
      running++;
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (index === 4) throw new Error('the fifth');
    });
    await expect(calls).rejects.toThrow('the fifth');
    expect(running).toBe(0);
  });
});

describe('judge', () => {
  const measurement = (subject: string, phase: string, inFlight: number, p50Ms: number, perSecond: number) => ({
    ...{ subject, phase, inFlight, p50Ms, perSecond },
    ...{ existingVolumes: 0, round: 0, count: 1, p99Ms: p50Ms },
  });
  const results: Results = {
    subject: 'stowage',
    measurements: [
      measurement('stowage', 'NodePublishVolume', 1, 2, 500),
      measurement('null', 'NodePublishVolume', 1, 1, 1000),
      measurement('stowage', 'NodePublishVolume', 8, 4, 900),
      measurement('null', 'NodePublishVolume', 8, 2, 2000),
      measurement('stowage', 'NodeGetVolumeStats', 1, 3, 300),
      measurement('null', 'NodeGetVolumeStats', 1, 1, 1000),
    ],
    starts: [{ ours: 300, yardstick: 400 }],
    idleBytes: undefined,
    loadedBytes: undefined,
    snapshotMs: [50, 120, 70],
    restoreMs: [],
    scale: undefined,
    dataPath: undefined,
  };
  const verdict = (what: string) => judge(results).find((one) => one.what === what);

  it('compares with the null driver', () => {
    expect(verdict('NodePublishVolume, p50 to null')).toMatchObject({ measured: '2.00', met: true });
    expect(verdict('NodeGetVolumeStats, p50 to null')).toMatchObject({ measured: '3.00', met: false });
    expect(verdict('start to first answer, to null')).toMatchObject({ measured: '0.75', met: true });
  });

  it('compares the gain of eight in flight', () =>
    expect(verdict('NodePublishVolume, gain of 8 in flight, to null’s')).toMatchObject({
      measured: '1.80 / 2.00 = 0.90',
      met: true,
    }));

  it('judges by the median, and shows the spread', () =>
    expect(verdict('snapshot of 256 MiB')).toMatchObject({ measured: '70 ms (50 to 120)', met: true }));

  it('says what was not measured', () =>
    expect(verdict('restore of 256 MiB')).toMatchObject({ measured: '', met: undefined }));
});
