import { describe, expect, it } from '@jest/globals';
import type protobuf from 'protobufjs';
import type { ErrorCode } from '../../src/errors.ts';
import { StowageError } from '../../src/errors.ts';
import { type Bad, FIELDS, type FieldRule } from './support/fields.ts';
import { callContext, handlersByName } from './support/handlers.ts';
import { messageOf, protoName, received, rpcs } from './support/reflection.ts';
import { fakeVolumes } from './support/volumes.ts';

const handlers = handlersByName(fakeVolumes());

function ruleOf(type: protobuf.Type, field: protobuf.Field): FieldRule {
  const rule = FIELDS[type.name]?.[protoName(field.name)];
  if (rule === undefined) throw new Error(`${type.name}.${protoName(field.name)} has no entry in FIELDS`);
  return rule;
}

/** A message whose fields are all set and valid. */
function validMessage(type: protobuf.Type): Record<string, unknown> {
  const chosen = type.fieldsArray.filter((field) => ruleOf(type, field).alternative !== true);
  return Object.fromEntries(chosen.map((field) => [field.name, validValue(type, field)]));
}

function validValue(type: protobuf.Type, field: protobuf.Field): unknown {
  const nested = messageOf(field);
  if (nested === undefined) return ruleOf(type, field).valid;
  return field.repeated ? [validMessage(nested)] : validMessage(nested);
}

/** What a field must refuse, with the name of the field that is at fault: its own or that of one within it. */
function badValues(type: protobuf.Type, field: protobuf.Field): (Bad & { readonly culprit: string })[] {
  const own = ruleOf(type, field).bad.map((bad) => ({ ...bad, culprit: protoName(field.name) }));
  const nested = messageOf(field);
  if (nested === undefined) return own;
  const within = nested.fieldsArray.flatMap((inner) =>
    [...missingValue(nested, inner), ...badValues(nested, inner)].map((bad) => {
      const message = withField(nested, inner, bad.value);
      return { ...bad, label: `${protoName(inner.name)} ${bad.label}`, value: field.repeated ? [message] : message };
    }),
  );
  return [...own, ...within];
}

function missingValue(type: protobuf.Type, field: protobuf.Field): (Bad & { readonly culprit: string })[] {
  const code = ruleOf(type, field).missing;
  return code === undefined ? [] : [{ label: 'missing', value: undefined, code, culprit: protoName(field.name) }];
}

/** A valid message but for one field; undefined leaves it out. Other members of its oneof go. */
function withField(type: protobuf.Type, field: protobuf.Field, value: unknown): Record<string, unknown> {
  const others = Object.entries(validMessage(type)).filter(
    ([name]) => name !== field.name && !field.partOf?.oneof.includes(name),
  );
  return { ...Object.fromEntries(others), ...(value === undefined ? {} : { [field.name]: value }) };
}

async function refusal(rpc: string, request: object): Promise<{ code: ErrorCode | 'none'; message: string }> {
  try {
    await handlers.get(rpc)?.(request, callContext());
    return { code: 'none', message: '' };
  } catch (error) {
    if (error instanceof StowageError) return { code: error.code, message: error.message };
    throw error;
  }
}

describe.each(rpcs())('$name', ({ name, request: type }) => {
  it('takes a request with all fields set, and one with the required ones only', async () => {
    const required = type.fieldsArray.filter((field) => ruleOf(type, field).missing !== undefined);
    const least = Object.fromEntries(required.map((field) => [field.name, validValue(type, field)]));
    expect(handlers.has(name)).toBe(true);
    expect(await refusal(name, received(type, validMessage(type)))).toMatchObject({ code: 'none' });
    expect(await refusal(name, received(type, least))).toMatchObject({ code: 'none' });
  });

  it('has a rule for each field, and no other', () => {
    expect(Object.keys(FIELDS[type.name] ?? {}).sort()).toEqual(type.fieldsArray.map((f) => protoName(f.name)).sort());
  });

  for (const field of type.fieldsArray) {
    const bads = [...missingValue(type, field), ...badValues(type, field)];
    for (const { label, value, code = 'invalid', culprit } of bads) {
      it(`refuses ${protoName(field.name)} ${label} and names ${culprit}`, async () => {
        const found = await refusal(name, received(type, withField(type, field, value)));
        expect(found).toEqual({ code, message: expect.stringContaining(culprit) });
      });
    }
  }
});

describe('fields that contradict each other', () => {
  const createVolume = rpcs().find(({ name }) => name === 'CreateVolume')?.request;
  if (createVolume === undefined) throw new Error('CreateVolume is not in the proto');
  const mode = { mode: 'SINGLE_NODE_WRITER' };
  const cases: [string, Record<string, unknown>, string][] = [
    ['required above limit', { capacityRange: { requiredBytes: '2', limitBytes: '1' } }, 'capacity_range'],
    [
      'block and mount in one volume',
      {
        volumeCapabilities: [
          { accessMode: mode, block: {} },
          { accessMode: mode, mount: {} },
        ],
      },
      'volume_capabilities',
    ],
    ['a capability without access type', { volumeCapabilities: [{ accessMode: mode }] }, 'access_type'],
    ['a source without type', { volumeContentSource: {} }, 'volume_content_source.type'],
    ['a misspelt parameter', { parameters: { poool: 'fast' } }, 'did you mean "pool"'],
  ];
  it.each(cases)('refuses %s', async (_label, change, text) => {
    const found = await refusal('CreateVolume', received(createVolume, { ...validMessage(createVolume), ...change }));
    expect(found).toEqual({ code: 'invalid', message: expect.stringContaining(text) });
  });

  it('refuses block and mount in one capability, which only a caller without gRPC can say', async () => {
    const request = received(createVolume, validMessage(createVolume));
    const both = { accessMode: mode, block: {}, mount: { fsType: '', mountFlags: [], volumeMountGroup: '' } };
    const found = await refusal('CreateVolume', { ...request, volumeCapabilities: [both] });
    expect(found).toEqual({ code: 'invalid', message: expect.stringContaining('access_type') });
  });

  it('does not show mount flags in its error, since they may be secret', async () => {
    const volumeCapabilities = [{ accessMode: mode, mount: { mountFlags: ['-opassword=hunter2'] } }];
    const request = { ...validMessage(createVolume), volumeCapabilities };
    const found = await refusal('CreateVolume', received(createVolume, request));
    expect(found.code).toBe('invalid');
    expect(found.message).not.toContain('hunter2');
  });
});
