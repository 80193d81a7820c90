import { expect, it } from '@jest/globals';
import { regenerated } from '../support/regenerated.ts';

it('is what `npm run deploy:render` makes of the chart', async () => {
  const { committed, made } = await regenerated('deploy', 'scripts/render-deploy.mjs');
  expect(manifests(committed)).toEqual(manifests(made));
});

/** Without the page on them, and the values that they are made with. */
function manifests(contents: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(contents)
    .filter(([name]) => /^\/[^/]+\.yaml$/.test(name))
    .sort();
}
