import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { DRIVER_SCHEMAS, MANAGED_SCHEMA, POOL_SCHEMAS } from '../../src/config/schema.ts';

const PAGE = await readFile('docs/reference/configuration.md', 'utf8');

/** The keys of the table beneath a heading. */
function keysBeneath(heading: string): string[] {
  const [, after = ''] = PAGE.split(`\n${heading}\n`);
  const [section = ''] = after.split(/^##+ /m);
  return [...section.matchAll(/^\| `([a-zA-Z0-9]+)` \|/gm)].map(([, key = '']) => key);
}

const keysOf = (schema: { readonly shape: object }) => Object.keys(schema.shape);

describe('the reference of the configuration', () => {
  it('has every key of the local driver, and no other', () => {
    expect(keysBeneath('## The driver').toSorted()).toEqual(keysOf(DRIVER_SCHEMAS.local).toSorted());
  });

  it('has every key of the NFS driver, and no other', () => {
    const common = keysBeneath('## The driver').filter((key) => key !== 'hostPaths' && key !== 'pools');
    expect([...common, ...keysBeneath('## NFS')].toSorted()).toEqual(keysOf(DRIVER_SCHEMAS.nfs).toSorted());
    expect(keysBeneath('### `managed`').toSorted()).toEqual(keysOf(MANAGED_SCHEMA).toSorted());
  });

  it.each(Object.entries(POOL_SCHEMAS))('has every key of %s pools, and no other', (backend, schema) => {
    const own = keysBeneath(`## Pools of backend \`${backend}\``);
    expect([...keysBeneath('## Every pool'), ...own].toSorted()).toEqual(keysOf(schema).toSorted());
  });
});
