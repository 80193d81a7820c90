import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCatalog } from '../../src/volumes/catalog.ts';
import { type AnyRecord, isLive } from '../../src/volumes/record.ts';
import { createSortedIds } from '../../src/volumes/sorted-ids.ts';
import { anyRecord } from './records.ts';

type Step = { readonly set: AnyRecord } | { readonly remove: string };

const names = fc.constantFrom('a', 'b', 'c');
const ids = ['v', 's', 'g'].flatMap((letter) => [0, 1, 2, 3, 4, 5].map((n) => `${letter}${n}`));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: anyRecord(names).map((record) => ({ set: record })) },
    { weight: 1, arbitrary: fc.constantFrom(...ids).map((id) => ({ remove: id })) },
  ),
  { maxLength: 60 },
);

/** What the domain does: two live records of a kind never have one name. */
function isPossible(records: ReadonlyMap<string, AnyRecord>, step: Step): boolean {
  if ('remove' in step) return true;
  const { set } = step;
  if (!isLive(set)) return true;
  return ![...records.values()].some(
    (other) => other.id !== set.id && other.kind === set.kind && other.name === set.name && isLive(other),
  );
}

describe('the catalog', () => {
  it('answers as a look through all records does', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const catalog = createCatalog();
        const records = new Map<string, AnyRecord>();
        for (const step of run) {
          if (!isPossible(records, step)) continue;
          if ('remove' in step) {
            catalog.remove(step.remove);
            records.delete(step.remove);
          } else {
            catalog.set(step.set);
            records.set(step.set.id, step.set);
          }
          compare(catalog, [...records.values()]);
        }
      }),
    );
  });

  it('reports damage until it is gone, and keeps it apart from records', () => {
    const catalog = createCatalog();
    catalog.setDamage('v1', { pool: 'p', problem: 'it is empty' });
    expect(catalog.damage('v1')).toEqual({ pool: 'p', problem: 'it is empty' });
    expect(catalog.volume('v1')).toBeUndefined();
    expect([...catalog.damages()]).toHaveLength(1);
    expect([...catalog.all()]).toEqual([]);
  });
});

function compare(catalog: ReturnType<typeof createCatalog>, records: readonly AnyRecord[]): void {
  const stored = records.filter((record) => record.kind !== 'group');
  for (const kind of ['volume', 'snapshot', 'group'] as const) {
    const ofKind = records.filter((record) => record.kind === kind);
    for (const name of ['a', 'b', 'c']) {
      expect(catalog.byName(kind, name)).toEqual(ofKind.find((record) => record.name === name && isLive(record)));
    }
    for (const id of ids) expect(catalog[kind](id)).toEqual(ofKind.find((record) => record.id === id));
  }
  for (const kind of ['volume', 'snapshot'] as const) {
    const shown = (record: AnyRecord) => (kind === 'snapshot' ? isLive(record) : record.state === 'ready');
    const ready = stored.filter((record) => record.kind === kind && shown(record)).map(({ id }) => id);
    for (const after of [undefined, 'a', 's2', 'v2', 'z'])
      expect([...catalog.listed(kind, after)]).toEqual(ready.filter((id) => after === undefined || id > after).sort());
  }
  for (const pool of ['p1', 'p2', 'p3']) {
    const reserved = stored.filter((record) => record.pool === pool).map(({ reservedBytes }) => reservedBytes);
    expect(catalog.promisedBytes(pool)).toBe(reserved.reduce((sum, bytes) => sum + bytes, 0));
    expect([...catalog.all(pool)].map(({ id }) => id).sort()).toEqual(
      records
        .filter((record) => record.pool === pool)
        .map(({ id }) => id)
        .sort(),
    );
  }
  for (const id of ids) {
    const isCopied = stored.some(
      (record) =>
        record.state === 'creating' && (record.kind === 'snapshot' ? record.sourceId : record.source?.id) === id,
    );
    expect(catalog.isBeingCopied(id)).toBe(isCopied);
    const taken = stored.filter((record) => record.kind === 'snapshot' && record.sourceId === id);
    expect(
      catalog
        .snapshotsOf(id)
        .map((record) => record.id)
        .sort(),
    ).toEqual(taken.map((record) => record.id).sort());
  }
  for (const nodeId of ['n0', 'n1', 'n5']) {
    const attached = stored.filter(
      (record) => record.kind === 'volume' && record.attached.some((attachment) => attachment.nodeId === nodeId),
    );
    expect(catalog.attachedCount(nodeId)).toBe(attached.length);
  }
}

describe('sorted ids', () => {
  it('are a set in order, from any place', () => {
    const word = fc.string({ maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), word)), fc.option(word, { nil: undefined }), (run, after) => {
        const sorted = createSortedIds();
        const set = new Set<string>();
        for (const [adds, id] of run) {
          sorted[adds ? 'add' : 'remove'](id);
          set[adds ? 'add' : 'delete'](id);
        }
        const expected = [...set].sort().filter((id) => after === undefined || id > after);
        expect([...sorted.from(after)]).toEqual(expected);
      }),
    );
  });

  it('stay in order at 100,000', () => {
    const sorted = createSortedIds();
    const many = Array.from({ length: 100_000 }, (_, n) => ((n * 7919) % 100_003).toString().padStart(6, '0'));
    for (const id of many) sorted.add(id);
    expect([...sorted.from('050000')]).toEqual(many.filter((id) => id > '050000').sort());
  });
});
