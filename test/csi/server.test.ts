import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { StowageError } from '../../src/errors.ts';
import { latch, type Serving, serving, untilAborted } from './support/serving.ts';

import { ALL_FEATURES } from './support/volumes.ts';

let at: Serving;
beforeEach(async () => {
  at = await serving();
});
afterEach(() => at.end());

const volume = { volumeId: 'v1.volume' };
const deleteVolume = services.controller.DeleteVolume;

function logged(): { level: string; method?: string; code?: string; volumeId?: string; durationMs?: number }[] {
  return at.log.map((line) => JSON.parse(line));
}

describe('calls', () => {
  it('answer an error of the domain as its status, with its message and nothing else', async () => {
    await at.start({
      deleteVolume: async () => {
        throw new StowageError('precondition', 'volume v1.volume is still staged;\nunstage it first');
      },
    });
    await expect(at.connect().call(deleteVolume, volume)).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'volume v1.volume is still staged; unstage it first',
    });
    expect(logged()).toEqual([
      expect.objectContaining({
        level: 'warn',
        method: 'Controller/DeleteVolume',
        volumeId: 'v1.volume',
        code: 'FAILED_PRECONDITION',
        durationMs: expect.any(Number),
      }),
    ]);
  });

  it('answer any other error as INTERNAL and log where it came from', async () => {
    await at.start({
      deleteVolume: async () => {
        throw new TypeError('fault of ours');
      },
    });
    await expect(at.connect().call(deleteVolume, volume)).rejects.toMatchObject({ code: status.INTERNAL });
    expect(logged()).toEqual([
      expect.objectContaining({ level: 'error', err: expect.objectContaining({ type: 'TypeError' }) }),
    ]);
  });

  it('log the id of what they made, which the request does not have, and of what it was made from', async () => {
    await at.start();
    const capability = { mount: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
    const volumeContentSource = { snapshot: { snapshotId: 'v1.snapshot' } };
    const client = at.connect();
    await client.call(services.controller.CreateVolume, {
      name: 'pvc',
      volumeCapabilities: [capability],
      volumeContentSource,
    });
    await client.call(services.controller.CreateSnapshot, { name: 'snap', sourceVolumeId: 'v1.volume' });
    await client.call(services.groupController.CreateVolumeGroupSnapshot, {
      name: 'g',
      sourceVolumeIds: ['v1.volume'],
    });
    expect(logged()).toEqual([
      expect.objectContaining({ name: 'pvc', volumeId: 'v1.volume', source: 'v1.snapshot' }),
      expect.objectContaining({ name: 'snap', sourceVolumeId: 'v1.volume', snapshotId: 'v1.snapshot' }),
      expect.objectContaining({ name: 'g', sourceVolumeIds: ['v1.volume'], groupSnapshotId: 'v1.group' }),
    ]);
  });

  it('are reported to the metrics', async () => {
    const seen: unknown[] = [];
    const metrics = { observeCall: (method: string, code: string, ms: number) => seen.push([method, code, ms >= 0]) };
    await at.start({}, { metrics });
    await at.connect().call(deleteVolume, volume);
    expect(seen).toEqual([['Controller/DeleteVolume', 'OK', true]]);
  });

  it('answer UNIMPLEMENTED where the driver does not serve them', async () => {
    await at.start({ features: { ...ALL_FEATURES, controllerExpansion: false, modify: false, groupSnapshots: false } });
    const client = at.connect();
    const refused = { code: status.UNIMPLEMENTED };
    await expect(client.call(services.controller.ControllerExpandVolume, volume)).rejects.toMatchObject(refused);
    await expect(client.call(services.controller.ControllerModifyVolume, volume)).rejects.toMatchObject(refused);
    await expect(client.call(services.groupController.GetVolumeGroupSnapshot, {})).rejects.toMatchObject(refused);
  });

  it('answer UNAVAILABLE above the limit of those in flight', async () => {
    const { opened, open } = latch();
    await at.start({ deleteVolume: () => opened }, { maxInFlight: 1 });
    const client = at.connect();
    const first = client.call(deleteVolume, volume);
    while ((await client.call(deleteVolume, volume).catch((error) => error.code)) !== status.UNAVAILABLE)
      await delay(5);
    open();
    await expect(first).resolves.toEqual({});
  });

  it('refuse a message that is too large', async () => {
    await at.start();
    const request = { volumeId: 'x'.repeat(2 << 20) };
    await expect(at.connect().call(deleteVolume, request)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('deadlines', () => {
  it('of the server end an operation that heeds its signal', async () => {
    await at.start({ deleteVolume: (_request, signal) => untilAborted(signal) }, { deadlineMs: 50 });
    await expect(at.connect().call(deleteVolume, volume)).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      details: expect.stringContaining('of the driver'),
    });
  });

  it('of the server are answered also where an operation does not heed its signal', async () => {
    const { opened, open } = latch();
    await at.start({ deleteVolume: () => opened }, { deadlineMs: 50, abortGraceMs: 50 });
    await expect(at.connect().call(deleteVolume, volume)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    open();
    while (!at.log.some((line) => line.includes('call ended after its answer'))) await delay(5);
  });

  it('of the client reach the operation', async () => {
    const reasons: unknown[] = [];
    await at.start({
      deleteVolume: (_request, signal) =>
        untilAborted(signal)
          .catch((reason) => {
            reasons.push(reason);
            throw reason;
          })
          .then(() => undefined),
    });
    const calling = at.connect().call(deleteVolume, volume, { timeoutMs: 100 });
    await expect(calling).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    while (reasons.length === 0) await delay(5);
    expect(reasons).toEqual([expect.objectContaining({ code: 'timeout' })]);
  });

  it('do not hide the reason that an operation gives', async () => {
    await at.start(
      {
        deleteVolume: (_request, signal) =>
          untilAborted(signal).catch((cause) => {
            throw new StowageError('busy', 'the copy goes on', { cause });
          }),
      },
      { deadlineMs: 50 },
    );
    await expect(at.connect().call(deleteVolume, volume)).rejects.toMatchObject({ code: status.ABORTED });
  });
});

describe('cancellation', () => {
  it('by the client reaches the operation', async () => {
    const started = latch();
    const reasons: unknown[] = [];
    await at.start({
      deleteVolume: async (_request, signal) => {
        started.open();
        await untilAborted(signal).catch((reason) => reasons.push(reason));
      },
    });
    const controller = new AbortController();
    const calling = at.connect().call(deleteVolume, volume, { signal: controller.signal });
    const ended = expect(calling).rejects.toMatchObject({ code: status.CANCELLED });
    await started.opened;
    controller.abort();
    await ended;
    while (reasons.length === 0) await delay(5);
    expect(reasons).toEqual([expect.objectContaining({ code: 'cancelled' })]);
  });
});

describe('stop', () => {
  it('lets a running call end, takes no new ones, and removes the socket at once', async () => {
    const started = latch();
    const { opened, open } = latch();
    const server = await at.start({
      deleteVolume: async () => {
        started.open();
        await opened;
      },
    });
    const client = at.connect();
    const running = client.call(deleteVolume, volume);
    await started.opened;
    const stopping = server.stop(5000);
    await delay(50);
    await expect(access(at.path)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(at.connect().call(deleteVolume, volume, { timeoutMs: 300 })).rejects.toMatchObject({
      code: expect.any(Number),
    });
    open();
    await expect(running).resolves.toEqual({});
    expect(await stopping).toBe(0);
  });

  it('aborts what still runs after the grace', async () => {
    const started = latch();
    const server = await at.start({
      deleteVolume: (_request, signal) => {
        started.open();
        return untilAborted(signal);
      },
    });
    const running = at.connect().call(deleteVolume, volume);
    const ended = expect(running).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await started.opened;
    expect(await server.stop(50)).toBe(0);
    await ended;
  });

  it('does not wait for an operation that heeds nothing, and says that it still runs', async () => {
    const started = latch();
    const { opened, open } = latch();
    const server = await at.start(
      {
        deleteVolume: () => {
          started.open();
          return opened;
        },
      },
      { abortGraceMs: 50 },
    );
    const running = at.connect().call(deleteVolume, volume);
    const ended = expect(running).rejects.toMatchObject({ code: expect.any(Number) });
    await started.opened;
    expect(await server.stop(50)).toBe(1);
    open();
    await ended;
  });
});
