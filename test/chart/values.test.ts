import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { POOL_SCHEMAS } from '../../src/config/schema.ts';
import { refusalOf } from './support.ts';

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly propertyNames?: { readonly enum: readonly string[] };
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly allOf?: readonly {
    readonly if: { readonly properties: { readonly backend: { readonly const: string } } };
    readonly then: Schema & { readonly required?: readonly string[] };
  }[];
}

const schema: Schema = JSON.parse(await readFile('charts/stowage/values.schema.json', 'utf8'));
const values: Record<string, unknown> = parse(await readFile('charts/stowage/values.yaml', 'utf8'));

it.each<[object, string]>([
  [{ lcoal: { enabled: true } }, "additional properties 'lcoal' not allowed"],
  [{ local: { pool: [] } }, "additional properties 'pool' not allowed"],
  [{ local: { enabled: 'yes' } }, 'got string, want boolean'],
  [{ local: { pools: [{ name: 'a', backend: 'image', path: '/mnt/a', quoat: 1 }] } }, "'quoat' not allowed"],
  [{ local: { pools: [{ name: 'a', backend: 'imgae', path: '/mnt/a' }] } }, "must be one of 'image'"],
  [{ local: { pools: [{ name: 'a', backend: 'image' }] } }, "missing property 'path'"],
  [{ local: { pools: [{ name: 'a', backend: 'image', path: 'mnt/a' }] } }, 'does not match pattern'],
  [{ local: { pools: [{ name: 'a', backend: 'image', path: '/mnt/a', folderMode: '0777' }] } }, "'folderMode'"],
  [{ local: { pools: [{ name: 'a', backend: 'directory', path: '/mnt/a', folderMode: 770 }] } }, 'want string'],
  [{ local: { storageClasses: [{ pool: 'default' }] } }, "missing property 'name'"],
  [{ local: { storageClasses: [{ name: 'a', reclaimPolicy: 'Recycle' }] } }, "must be one of 'Delete', 'Retain'"],
  [{ nfs: { managed: { pools: [{ name: 'a', backend: 'image', path: '/mnt/a' }] } } }, "'directory', 'btrfs'"],
  [{ sidecars: { provisioner: { version: 'v1' } } }, "'version' not allowed"],
  [{ kubeletDir: '/var/lib/kubelet/' }, 'does not match pattern'],
  [{ logLevel: 'verbose' }, 'must be one of'],
  [{ image: { digest: 'sha256:1' } }, 'does not match pattern'],
])('the values %j are refused', async (wrong, message) => {
  expect(await refusalOf('default', wrong)).toContain(message);
});

it.each<[object, string]>([
  [
    { local: { storageClasses: [{ name: 'a', pool: 'b' }] } },
    'StorageClass a: there is no pool b; the pools are: default',
  ],
  [{ nfs: { enabled: true } }, 'nfs.controller.nodeSelector'],
  [
    { nfs: { enabled: true, controller: { nodeSelector: { a: 'b' } }, managed: { enabled: true } } },
    'nfs.managed.server',
  ],
  [
    {
      nfs: {
        enabled: true,
        controller: { nodeSelector: { a: 'b' } },
        managed: { enabled: true, server: 'a', nfs3: true, pools: [{ name: 'a', backend: 'btrfs', path: '/mnt/a' }] },
      },
    },
    'nfs.managed.runServer: host',
  ],
  [
    { local: { pools: [{ name: 'a', backend: 'image', path: '/a', requireMount: true }], storageClasses: [] } },
    'mount the disk elsewhere',
  ],
  [
    { local: { pools: [{ name: 'a', backend: 'image', path: '/var/lib/a', requireMount: true }], storageClasses: [] } },
    '/var/lib would hide what the container needs',
  ],
])('the values %j are refused with what to do', async (wrong, message) => {
  expect(await refusalOf('default', wrong)).toContain(message);
});

it('the schema knows the keys of every backend that the driver knows', () => {
  const pool = schema.definitions?.pool;
  const known = Object.fromEntries(
    (pool?.allOf ?? []).map((rule) => [
      rule.if.properties.backend.const,
      [...(rule.then.propertyNames?.enum ?? [])].sort(),
    ]),
  );
  const wanted = Object.fromEntries(
    Object.entries(POOL_SCHEMAS).map(([backend, { shape }]) => [backend, Object.keys(shape).sort()]),
  );
  expect(known).toEqual(wanted);
  expect(Object.keys(pool?.properties ?? {}).sort()).toEqual([...new Set(Object.values(wanted).flat())].sort());
});

it('the schema has the keys of values.yaml and no others', () => {
  // `global` is what Helm hands to charts within charts.
  expect(differences(schema, { ...values, global: {} }, 'values')).toEqual([]);
});

/** Keys that only one of them has, in all mappings that the schema closes. */
function differences(wanted: Schema, value: unknown, path: string): string[] {
  const name = wanted.$ref?.replace('#/definitions/', '');
  const { properties, additionalProperties } = name === undefined ? wanted : (schema.definitions?.[name] ?? {});
  if (properties === undefined || additionalProperties !== false || Array.isArray(value)) return [];
  if (name === 'resources' || path.endsWith('updateStrategy') || path === 'values.seLinuxOptions') return [];
  const keys =
    typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : new Map<string, unknown>();
  return [
    ...[...keys.keys()]
      .filter((key) => properties[key] === undefined)
      .map((key) => `${path}.${key} is not in the schema`),
    ...Object.entries(properties).flatMap(([key, of]) =>
      keys.has(key) ? differences(of, keys.get(key), `${path}.${key}`) : [`${path}.${key} is not in values.yaml`],
    ),
  ];
}
