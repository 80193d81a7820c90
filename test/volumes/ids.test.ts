import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { folderName, hashNode, hashPool, newId, parseId } from '../../src/volumes/ids.ts';
import { topologyValue } from '../../src/volumes/topology.ts';
import { codeOf } from '../support/driver.ts';

const kinds = fc.constantFrom('volume' as const, 'snapshot' as const, 'group' as const);
const parse = async (id: string) => parseId(id);

describe('ids', () => {
  it('are read as they were made, and fit into 128 bytes', () => {
    fc.assert(
      fc.property(kinds, fc.string(), fc.uuid(), (kind, nodeId, uuid) => {
        const id = newId(kind, hashNode(nodeId), hashPool(uuid));
        expect(Buffer.byteLength(id)).toBeLessThanOrEqual(128);
        expect(parseId(id)).toEqual({ origin: 'ours', kind, nodeHash: hashNode(nodeId), poolHash: hashPool(uuid) });
      }),
    );
  });

  it('are all different', () => {
    const ids = Array.from({ length: 1000 }, () => newId('volume', hashNode('n'), hashPool('p')));
    expect(new Set(ids).size).toBe(1000);
  });

  it.each([
    '',
    'a',
    'server/share##',
    'csi-0123',
    '../../etc',
    'STW1v-0123456789',
    'xstw1v-',
    '\0',
    ' stw1v-',
    'stwv-',
  ])('%j is foreign', (id) => {
    expect(parseId(id)).toEqual({ origin: 'foreign' });
  });

  const [valid] = [newId('volume', hashNode('n'), hashPool('p'))];
  it.each([
    'stw1v-',
    valid.slice(0, -1),
    `${valid}0`,
    `${valid}\n`,
    `${valid}\0`,
    `${valid}/..`,
    valid.toUpperCase().replace('STW1V', 'stw1v'),
    valid.replace('stw1', 'stw2'),
    valid.replace('stw1', 'stw10'),
    valid.replace('stw1v', 'stw1x'),
    'stw1v-../../../../etc/passwd',
  ])('%j is malformed or of another version', async (id) => {
    expect(await codeOf(parse(id))).toBe('invalid');
  });

  it('that were tampered with are never read as another of ours', () => {
    const change = fc.record({ at: fc.nat(valid.length - 1), character: fc.string({ minLength: 1, maxLength: 1 }) });
    fc.assert(
      fc.property(change, ({ at, character }) => {
        const changed = valid.slice(0, at) + character + valid.slice(at + 1);
        try {
          const parsed = parseId(changed);
          if (parsed.origin === 'ours') expect(changed).toMatch(/^stw1[vsg](-[0-9a-f]+){3}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid' });
        }
      }),
    );
  });
});

describe('names of folders', () => {
  it('are safe whatever the name, and differ for each id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 128 }), (name) => {
        const ids = [1, 2].map(() => newId('volume', hashNode('n'), hashPool('p')));
        const [first = '', second = ''] = ids.map((id) => folderName(name, id));
        expect(first).toMatch(/^[a-z0-9][a-z0-9-]{0,80}$/);
        expect(first).not.toBe(second);
      }),
    );
  });

  it('stay readable', () => {
    expect(folderName('pvc-Data_1', 'stw1v-0-0-0123456789abcdef')).toBe('pvc-data-1-0123456789abcdef');
    expect(folderName('../..', 'stw1v-0-0-0123456789abcdef')).toBe('0123456789abcdef');
  });
});

describe('the topology value of a node', () => {
  const nodeIds = fc.stringMatching(/^[A-Za-z0-9._-]{1,192}$/);

  it('is valid as CSI and Kubernetes ask, for every node id that the driver takes', () => {
    fc.assert(
      fc.property(nodeIds, (nodeId) => {
        expect(topologyValue(nodeId)).toMatch(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
      }),
    );
  });

  it('is the name where that fits, and tells long names apart', () => {
    expect(topologyValue('worker-1.example.org')).toBe('worker-1.example.org');
    fc.assert(
      fc.property(nodeIds, nodeIds, (one, other) => {
        if (one !== other) expect(topologyValue(one)).not.toBe(topologyValue(other));
      }),
    );
    const long = 'n'.repeat(100);
    expect(topologyValue(`${long}a`)).not.toBe(topologyValue(`${long}b`));
  });
});
