import { describe, expect, it } from '@jest/globals';
import { pickProjectId } from '../../src/backends/directory/project.ts';
import type { ProjectUsage } from '../../src/host/quota.ts';

const FREE: ProjectUsage = { usedBytes: 0, limitBytes: 0, usedInodes: 0, limitInodes: 0 };

describe('pickProjectId', () => {
  it('draws another id where the first is in use', async () => {
    const asked: number[] = [];
    const usage = async (_path: string, id: number) => {
      asked.push(id);
      return asked.length === 1 ? { ...FREE, usedInodes: 1 } : FREE;
    };
    expect(await pickProjectId({ usage }, '/pool')).toBe(asked[1]);
  });

  it('gives up when all are in use', async () => {
    const usage = async () => ({ ...FREE, limitBytes: 1 });
    await expect(pickProjectId({ usage }, '/pool')).rejects.toMatchObject({ code: 'internal' });
  });

  it('never gives an id twice, and only positive 31-bit ids', async () => {
    const ids = await Promise.all(
      Array.from({ length: 500 }, () => pickProjectId({ usage: async () => FREE }, '/pool')),
    );
    expect(new Set(ids).size).toBe(500);
    for (const id of ids) expect(id >= 2 ** 30 && id < 2 ** 31).toBe(true);
  });
});
