import { expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { regenerated } from '../support/regenerated.ts';
import { rpcs } from './support/reflection.ts';

it('is what `npm run generate` makes of proto/csi.proto', async () => {
  const { committed, made } = await regenerated('src/csi/generated', 'scripts/generate.mjs');
  expect(committed).toEqual(made);
});

it('has every RPC among the services', () => {
  const known = Object.values(services).flatMap((service) => Object.keys(service));
  expect(known.sort()).toEqual(
    rpcs()
      .map(({ name }) => name)
      .sort(),
  );
});
