import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { FIELDS } from './support/fields.ts';
import { isSecret, protoName, type Rpc, rpcs } from './support/reflection.ts';
import { type Serving, serving } from './support/serving.ts';
import { fakeVolumes } from './support/volumes.ts';

const SECRET = 'hunter2-correct-horse';
const SERVICE_KEYS = {
  Identity: 'identity',
  Controller: 'controller',
  GroupController: 'groupController',
  Node: 'node',
} as const;

let at: Serving;
beforeEach(async () => {
  at = await serving();
});
afterEach(() => at.end());

const withSecrets = rpcs().filter(({ request }) => request.fieldsArray.some(isSecret));

/** Sends a request whose strings are valid, and gives the message of the error, if any. */
function send(path: string, { request }: Rpc, message: object): Promise<string> {
  const client = new Client(`unix:${path}`, credentials.createInsecure());
  const bytes = Buffer.from(request.encode(request.fromObject(message)).finish());
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      rpcPath(request.name),
      (value: Buffer) => value,
      (value: Buffer) => value,
      bytes,
      new Metadata(),
      (error) => {
        client.close();
        resolve(error?.message ?? '');
      },
    );
  });
}

function rpcPath(requestName: string): string {
  const found = rpcs().find(({ request }) => request.name === requestName);
  if (found === undefined) throw new Error(`no RPC takes ${requestName}`);
  const method = Object.entries(services[SERVICE_KEYS[found.service]]).find(([name]) => name === found.name);
  if (method === undefined) throw new Error(`${found.name} is not among the services`);
  return method[1].path;
}

function requestWith(rpc: Rpc, secrets: Record<string, string>): Record<string, unknown> {
  const scalars = rpc.request.fieldsArray.filter((field) => field.resolvedType === null);
  const values = scalars.map((field) => [
    field.name,
    isSecret(field) ? secrets : FIELDS[rpc.request.name]?.[protoName(field.name)]?.valid,
  ]);
  const capability = { accessMode: { mode: 'SINGLE_NODE_WRITER' }, mount: { mountFlags: [`password=${SECRET}`] } };
  return {
    ...Object.fromEntries(values),
    volumeCapability: capability,
    volumeCapabilities: [capability],
    capacityRange: { requiredBytes: 1 },
  };
}

it('finds the RPCs with secrets', () => {
  expect(withSecrets.length).toBeGreaterThanOrEqual(15);
});

describe.each(withSecrets)('$name', (rpc) => {
  const failing = Object.fromEntries(
    Object.entries(fakeVolumes()).map(([name, value]) => [
      name,
      typeof value === 'function' && !['ready', 'nodeInfo'].includes(name)
        ? async (request: unknown) => {
            throw new TypeError('fault of ours', { cause: Object.assign(new Error('beneath'), { request }) });
          }
        : value,
    ]),
  );

  it.each([
    ['answered', {}, { password: SECRET }],
    ['refused for its secrets', {}, { password: `${SECRET}\0` }],
    ['refused for too large secrets', {}, { password: SECRET.repeat(300) }],
    ['failed', failing, { password: SECRET }],
  ])('never shows a secret when it is %s', async (_label, volumes, secrets) => {
    await at.start(volumes);
    const message = await send(at.path, rpc, requestWith(rpc, secrets));
    expect(at.log.length).toBeGreaterThan(0);
    expect(at.log.join('')).toContain(rpc.name);
    expect(at.log.join('')).not.toContain(SECRET);
    expect(message).not.toContain(SECRET);
  });
});
