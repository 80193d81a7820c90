import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { services } from '../../src/csi/services.ts';
import { itemPath } from './place.ts';
import type { Scenario } from './scenario.ts';
import { createVolume } from './verbs.ts';

const run = promisify(execFile);

/** Options of a volume, where its backend has them. The answer has what the volume's folder has then. */
export const options: Record<string, Omit<Scenario, 'name' | 'kind'>> = {
  'ControllerModifyVolume, compression': {
    setUp: async ({ place, csi }, _base, kind) => {
      const volumeId = await createVolume(csi, { name: 'volume', kind });
      return { volumeId, folder: await itemPath(place, 'volumes', 'volume') };
    },
    operate: async (csi, { volumeId = '', folder = '' }) => {
      const mutableParameters = { compression: 'zstd' };
      await csi.call(services.controller.ControllerModifyVolume, { volumeId, mutableParameters });
      return (await run('btrfs', ['property', 'get', folder, 'compression'])).stdout;
    },
  },
};
