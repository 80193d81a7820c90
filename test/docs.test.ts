import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const text = (page: string) => readFileSync(page, 'utf8');

/** As GitHub names the anchors of headings. */
function anchorsOf(page: string): Set<string> {
  const headings = text(page)
    .replaceAll(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** Links that lead nowhere. */
function brokenLinks(page: string): string[] {
  const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : resolve(dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).has(anchor));
  });
}

describe('the pages', () => {
  it('are found', () => {
    expect(PAGES.length).toBeGreaterThan(30);
  });

  it.each(PAGES)('%s links to what is there', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('are all in the index', () => {
    const index = text('docs/README.md');
    const missing = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md').filter(
      (page) => !index.includes(`](${page.slice('docs/'.length)}`),
    );
    expect(missing).toEqual([]);
  });

  it.each(PAGES)('%s has manifests that can be read', (page) => {
    const manifests = text(page).matchAll(/<<EOF\n(.*?)^( *)EOF$/gms);
    const blocks = text(page).matchAll(/^ *```ya?ml\n(.*?)^( *)```$/gms);
    for (const [, indented = '', indent = ''] of [...manifests, ...blocks]) {
      const yaml = indented.replaceAll(new RegExp(`^${indent}`, 'gm'), ''); // as the page is shown
      for (const document of parseAllDocuments(yaml.replaceAll(/\$[A-Z]+/g, 'name')))
        expect([yaml, document.errors]).toEqual([yaml, []]);
    }
  });
});
