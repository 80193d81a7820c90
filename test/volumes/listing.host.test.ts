import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeOf, makeDriver, signal, type TestDriver } from '../support/driver.ts';

describe('lists in pages', () => {
  let at: TestDriver;
  const ids: string[] = [];
  const snapshotIds: string[] = [];

  beforeAll(async () => {
    const config = { backend: 'directory', quota: 'advisory' } as const;
    at = await makeDriver({ pools: [{ name: 'p', kind: 'folder', config }] });
    for (let n = 0; n < 7; n++) ids.push((await at.create(`v${n}`)).id);
    for (const sourceVolumeId of ids.slice(0, 5)) {
      const info = await at.service.createSnapshot({ name: `of ${sourceVolumeId}`, sourceVolumeId }, signal());
      snapshotIds.push(info.id);
    }
    ids.sort();
    snapshotIds.sort();
  });
  afterAll(() => at?.cleanup());

  const volumes = (maxEntries: number, startingToken?: string) =>
    at.service.listVolumes({ maxEntries, startingToken }, signal());
  const snapshots = (maxEntries: number, startingToken?: string) =>
    at.service.listSnapshots(
      { page: { maxEntries, startingToken }, sourceVolumeId: undefined, snapshotId: undefined },
      signal(),
    );

  it.each([0, 1, 2, 3, 7, 100])('of at most %d show everything once', async (size) => {
    const seenVolumes: string[] = [];
    const seenSnapshots: string[] = [];
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await volumes(size, token);
      seenVolumes.push(...page.entries.map(({ volume }) => volume.id));
      token = page.nextToken;
    }
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await snapshots(size, token);
      if (size > 0) expect(page.entries.length).toBeLessThanOrEqual(size);
      seenSnapshots.push(...page.entries.map(({ id }) => id));
      token = page.nextToken;
    }
    expect(seenVolumes).toEqual(ids);
    expect(seenSnapshots).toEqual(snapshotIds);
  });

  it.each(['x', '0', '../..', '\0', 'stw1v-\n'])('refuse the token %j, which they never gave', async (token) => {
    expect(await codeOf(volumes(1, token))).toBe('busy');
    expect(await codeOf(snapshots(1, token))).toBe('busy');
  });

  it('refuse a token of the other list', async () => {
    expect(await codeOf(volumes(1, (await snapshots(1)).nextToken))).toBe('busy');
    expect(await codeOf(snapshots(1, (await volumes(1)).nextToken))).toBe('busy');
  });

  it('go on behind an entry that was deleted meanwhile', async () => {
    const { id } = await at.create('short-lived');
    const all = [...ids, id].sort();
    const { nextToken } = await volumes(all.indexOf(id) + 1);
    await at.service.deleteVolume({ volumeId: id }, signal());
    const rest = nextToken === undefined ? [] : (await volumes(0, nextToken)).entries.map(({ volume }) => volume.id);
    expect(rest).toEqual(all.slice(all.indexOf(id) + 1));
  });

  it('show the snapshots of one volume, or one snapshot, or none', async () => {
    const [sourceVolumeId = ''] = ids.filter((id) => at.catalog.snapshotsOf(id).length > 0);
    const [taken] = at.catalog.snapshotsOf(sourceVolumeId);
    const page = { maxEntries: 0, startingToken: undefined };
    const list = async (source: string | undefined, id: string | undefined) =>
      (await at.service.listSnapshots({ page, sourceVolumeId: source, snapshotId: id }, signal())).entries.map(
        (entry) => entry.id,
      );
    expect(await list(sourceVolumeId, undefined)).toEqual([taken?.id]);
    expect(await list(sourceVolumeId, taken?.id)).toEqual([taken?.id]);
    expect(await list('stw1v-unknown', taken?.id)).toEqual([]);
    expect(await list(undefined, 'unknown')).toEqual([]);
    expect(await list('unknown', undefined)).toEqual([]);
  });
});
