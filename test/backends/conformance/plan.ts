import { describe, expect, it } from '@jest/globals';
import type { Wish } from '../../../src/backends/backend.ts';
import type { ConformanceSetup } from '../conformance.ts';
import type { Workbench } from '../workbench.ts';

const GIB = 1024 ** 3;

export function planTests(bench: () => Workbench, { access, sizeBytes: usualBytes, share }: ConformanceSetup): void {
  const wish = (change: Partial<Wish>): Wish => ({
    requiredBytes: GIB,
    limitBytes: undefined,
    access,
    source: undefined,
    ...(share === undefined ? {} : { share: share() }),
    ...change,
  });

  describe('plan', () => {
    it('gives at least what is asked for, as large as what is there where sizes are not exact', async () => {
      const { backend } = bench();
      if (backend.features.exactSizes) return;
      const { sizeBytes } = await backend.plan(wish({ requiredBytes: usualBytes - 1 }), () => []);
      expect(sizeBytes).toBeGreaterThanOrEqual(usualBytes);
      expect((await backend.plan(wish({ requiredBytes: 0 }), () => [])).sizeBytes).toBeGreaterThan(0);
      const tooLarge = backend.plan(wish({ requiredBytes: 2 ** 50 }), () => []);
      await expect(tooLarge).rejects.toMatchObject({ code: 'exhausted' });
    });

    it('rounds the size up to 4096 bytes, or to the step that it declares', async () => {
      const { exactSizes, sizeStepBytes = 4096 } = bench().backend.features;
      if (!exactSizes) return;
      const plan = await bench().backend.plan(wish({ requiredBytes: GIB + 1 }), () => []);
      expect(plan.sizeBytes).toBe(GIB + sizeStepBytes);
    });

    it('refuses a limit that rounding up would exceed', async () => {
      if (!bench().backend.features.exactSizes) return;
      const plan = bench().backend.plan(wish({ requiredBytes: GIB + 1, limitBytes: GIB + 2 }), () => []);
      await expect(plan).rejects.toMatchObject({ code: 'out-of-range' });
    });

    it('gives a default size where none is asked for, within the limit', async () => {
      const { backend } = bench();
      if (!backend.features.exactSizes) return;
      expect((await backend.plan(wish({ requiredBytes: 0 }), () => [])).sizeBytes).toBe(GIB);
      const { sizeBytes } = await backend.plan(wish({ requiredBytes: 0, limitBytes: GIB / 2 + 5 }), () => []);
      expect(sizeBytes).toBe(GIB / 2);
    });

    it('makes the smallest volume as large as it must be', async () => {
      const { backend } = bench();
      const { sizeBytes } = await backend.plan(wish({ requiredBytes: 1 }), () => []);
      expect(sizeBytes).toBeGreaterThanOrEqual(4096);
      const tooSmall = backend.plan(wish({ requiredBytes: 1, limitBytes: sizeBytes - 1 }), () => []);
      await expect(tooSmall).rejects.toMatchObject({ code: 'out-of-range' });
    });

    it('refuses raw block and file system types that it does not have', async () => {
      const { backend } = bench();
      if (!backend.features.block) {
        await expect(backend.plan(wish({ access: { type: 'block' } }), () => [])).rejects.toMatchObject({
          code: 'invalid',
        });
      }
      if (backend.features.manyNodes === true) return; // a share's is what its server has, and the name is not looked at
      const unknown = backend.plan(wish({ access: { type: 'mount', fsType: 'ntfs' } }), () => []);
      await expect(unknown).rejects.toMatchObject({ code: 'invalid' });
    });

    it('accepts every file system type that it declares', async () => {
      const { backend } = bench();
      for (const fsType of ['', ...backend.features.fsTypes]) {
        const asked = wish({ access: { type: 'mount', fsType }, requiredBytes: usualBytes });
        await expect(backend.plan(asked, () => [])).resolves.toBeDefined();
      }
    });

    it('gives plans made at the same time nothing in common', async () => {
      const { backend } = bench();
      const plans = await Promise.all(
        Array.from({ length: 8 }, () => backend.plan(wish({ requiredBytes: usualBytes }), () => [])),
      );
      const ids = plans.flatMap(({ layout }) => (layout.backend === 'directory' ? [layout.projectId] : []));
      const known = ids.filter((id) => id !== undefined);
      expect(new Set(known).size).toBe(known.length);
    });
  });
}
