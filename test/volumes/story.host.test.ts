import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createLog } from '../../src/telemetry/log.ts';
import { MIB, makeDriver, refusal, signal, type TestDriver } from '../support/driver.ts';

/** What a person finds who looks for one volume in the log, and in the events of a claim. */
const lines: string[] = [];
let at: TestDriver;

beforeAll(async () => {
  at = await makeDriver({
    pools: [
      { name: 'disk', kind: 'xfs', config: { backend: 'image' } },
      { name: 'plain', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
    ],
    log: createLog('info', { write: (line) => lines.push(line) }),
  });
}, 30_000);
afterAll(() => at?.cleanup());

const about = (id: string) => lines.filter((line) => line.includes(id)).map((line) => JSON.parse(line).msg);

it('the log tells of copies and of what is removed behind the calls', async () => {
  const { id } = await at.create('one', { parameters: { pool: 'disk' } });
  const snapshot = await at.service.createSnapshot({ name: 'snap', sourceVolumeId: id }, signal());
  const copy = await at.create('two', { source: { kind: 'snapshot', id: snapshot.id } });
  await at.service.deleteVolume({ volumeId: copy.id }, signal());
  await at.driver.idle();
  expect(about(snapshot.id)).toEqual(['the copy is complete', 'the copy is complete']); // it, and the volume from it
  expect(about(id)).toEqual(['the copy is complete']);
  expect(about(copy.id)).toEqual(['the copy is complete', 'removed from the trash']);
});

it('the log tells what a start goes on with', async () => {
  const { id } = await at.create('three', { parameters: { pool: 'plain' } });
  const record = at.catalog.volume(id);
  if (record === undefined) throw new Error('no record');
  const deleting = at.service.deleteVolume({ volumeId: id }, signal());
  await deleting;
  await at.restart(); // which may come before the trash is empty
  await at.driver.idle();
  expect(about(id).at(-1)).toBe('removed from the trash');
});

it('a refusal for want of room says which node it was, and what to do where there is no other', async () => {
  const { message } = await refusal(at.create('large', { parameters: { pool: 'disk' }, sizeBytes: 1024 ** 2 * MIB }));
  expect(message).toMatch(
    /^node node-1: pool disk has no room for volume large of \d+ bytes: .* add space\. The scheduler tries other nodes, unless/,
  );
  expect(message.length).toBeLessThan(900); // events of Kubernetes hold 1024 bytes
});

it('a refusal for a pool that is missing names those that are there', async () => {
  const { message } = await refusal(at.create('lost', { parameters: { pool: 'disc' } }));
  expect(message).toMatch(
    /^node node-1 has no pool disc \(did you mean disk\?\); its pools: disk, plain\. Correct the StorageClass/,
  );
});

it('a refusal for a topology says what this node is, and what was asked for', async () => {
  const key = 'topology.local.csi.stowage.dev/node';
  const { message } = await refusal(
    at.create('far', { parameters: { pool: 'disk' }, requisite: [{ [key]: 'node-2' }] }),
  );
  expect(message).toBe(`volume far: node node-1 (${key}=node-1) is in none of the topologies asked for: ${key}=node-2`);
});
