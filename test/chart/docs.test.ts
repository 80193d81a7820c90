import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { renderChart } from './support.ts';

const PAGE = 'docs/how-to/install.md';
const blocks = [...(await readFile(PAGE, 'utf8')).matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);

it('the page has values to copy', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(3);
});

it.each(blocks.map((text) => [text]))('the chart takes the values of the page:\n%s', async (text) => {
  expect((await renderChart('default', parse(text))).length).toBeGreaterThan(5);
});
