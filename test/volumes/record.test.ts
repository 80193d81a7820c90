import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isLive, itemOf, parseRecord, serializeRecord } from '../../src/volumes/record.ts';
import { codeOf } from '../support/driver.ts';
import { anyRecord, volumes } from './records.ts';

const parse = async (text: string) => parseRecord(text, 'p');

describe('records', () => {
  it('are read as they were written, in the pool where they lie', () => {
    fc.assert(
      fc.property(anyRecord(), (record) => {
        expect(parseRecord(serializeRecord(record), 'elsewhere')).toEqual({ ...record, pool: 'elsewhere' });
      }),
    );
  });

  it('cut short anywhere are damaged, never another record', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord(), fc.double({ min: 0, max: 1, noNaN: true }), async (record, part) => {
        const text = serializeRecord(record);
        const cut = text.slice(0, Math.floor((text.length - 2) * part));
        expect(await codeOf(parse(cut))).toBe('data-loss');
      }),
    );
  });

  it('that are anything else are damaged', async () => {
    for (const text of ['', '\n', '\0\0\0', 'null', '[]', '{}', '"text"', '{"schema":1}', '{"schema":0}'])
      expect(await codeOf(parse(text))).toBe('data-loss');
    await fc.assert(fc.asyncProperty(fc.json(), async (text) => expect(await codeOf(parse(text))).not.toBe('ok')));
  });

  it('of a newer schema are told from damaged ones', async () => {
    const [record] = fc.sample(volumes(), 1);
    const text = JSON.stringify({ ...record, schema: 2, more: 'to come' });
    expect(await codeOf(parse(text))).toBe('precondition');
  });

  it.each([
    ['folder', '../escape'],
    ['folder', '/absolute'],
    ['folder', ''],
    ['folder', 'a/b'],
    ['folder', 'a\0b'],
    ['sizeBytes', -1],
    ['sizeBytes', 1.5],
    ['reservedBytes', '1'],
    ['state', 'gone'],
    ['generation', 0],
    ['createdAt', 'yesterday'],
    ['id', ''],
    ['layout', { backend: 'cloud' }],
    ['attached', 'node'],
    ['kind', 'disk'],
  ])('with %s %j are damaged, and the message names the field', async (key, value) => {
    const [record] = fc.sample(volumes(), 1);
    const call = parse(JSON.stringify({ ...record, [key]: value }));
    await expect(call).rejects.toMatchObject({ code: 'data-loss', message: expect.stringContaining(key) });
  });

  it('show their backend what it needs, and nothing more', () => {
    fc.assert(
      fc.property(volumes(), (record) => {
        const { kind, id, folder, sizeBytes, reservedBytes, layout, state } = record;
        const leaving = state === 'deleting' || state === 'archived' ? { leaving: true } : {};
        expect(itemOf(record)).toEqual({ kind, id, folder, sizeBytes, reservedBytes, layout, ...leaving });
        expect(isLive(record)).toBe(record.state === 'creating' || record.state === 'ready');
      }),
    );
  });
});
