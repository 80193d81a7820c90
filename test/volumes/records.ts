import fc from 'fast-check';
import type { GroupRecord, SnapshotRecord, VolumeRecord } from '../../src/volumes/record.ts';

const time = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const bytes = fc.nat(2 ** 40);
const name = fc.string({ minLength: 1, maxLength: 128 }).filter((text) => text.length <= 128);
const folder = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,80}$/);
const access = fc.constantFrom('block' as const, 'mount' as const);

const layout = fc.oneof(
  fc.record({
    backend: fc.constant('directory' as const),
    projectId: fc.option(fc.integer({ min: 1, max: 2 ** 31 }), { nil: undefined }),
    inodeLimit: bytes,
  }),
  fc.record({
    backend: fc.constant('image' as const),
    content: fc.oneof(
      fc.constant({ type: 'block' as const }),
      fc.record({ type: fc.constant('mount' as const), fsType: fc.constantFrom('ext4' as const, 'xfs' as const) }),
    ),
    blockSizeBytes: fc.constantFrom(512, 4096),
    preallocated: fc.boolean(),
  }),
);

/** Ids, names, pools and nodes come from few, so that records meet. */
const few = (prefix: string) => fc.integer({ min: 0, max: 5 }).map((n) => `${prefix}${n}`);
const generation = fc.integer({ min: 1, max: 1000 });
const pool = fc.constantFrom('p1', 'p2');
const common = { schema: fc.constant(1 as const), generation, createdAt: time, pool };
const stored = { ...common, folder, sizeBytes: bytes, reservedBytes: bytes, layout, access };

/** Made-up volumes; their optional fields are left out as often as not. */
export function volumes(names: fc.Arbitrary<string> = name): fc.Arbitrary<VolumeRecord> {
  return fc.record(
    {
      ...stored,
      kind: fc.constant('volume' as const),
      id: few('v'),
      name: names,
      state: fc.constantFrom(
        'creating' as const,
        'ready' as const,
        'deleting' as const,
        'retained' as const,
        'archived' as const,
      ),
      onDelete: fc.constantFrom('delete' as const, 'retain' as const, 'archive' as const),
      source: fc.oneof(
        fc.record({ kind: fc.constant('volume' as const), id: few('v') }),
        fc.record({ kind: fc.constant('snapshot' as const), id: few('s') }),
      ),
      attached: fc.uniqueArray(fc.record({ nodeId: few('n'), readOnly: fc.boolean() }), {
        selector: ({ nodeId }) => nodeId,
        maxLength: 3,
      }),
      removedAt: time,
    },
    {
      requiredKeys: [
        'schema',
        'generation',
        'createdAt',
        'pool',
        'folder',
        'sizeBytes',
        'reservedBytes',
        'layout',
        'access',
        'kind',
        'id',
        'name',
        'state',
        'onDelete',
        'attached',
      ],
    },
  );
}

export function snapshots(names: fc.Arbitrary<string> = name): fc.Arbitrary<SnapshotRecord> {
  return fc.record(
    {
      ...stored,
      kind: fc.constant('snapshot' as const),
      id: few('s'),
      name: names,
      state: fc.constantFrom('creating' as const, 'ready' as const, 'deleting' as const),
      sourceId: few('v'),
      groupId: few('g'),
    },
    {
      requiredKeys: [
        'schema',
        'generation',
        'createdAt',
        'pool',
        'folder',
        'sizeBytes',
        'reservedBytes',
        'layout',
        'access',
        'kind',
        'id',
        'name',
        'state',
        'sourceId',
      ],
    },
  );
}

export function groups(names: fc.Arbitrary<string> = name): fc.Arbitrary<GroupRecord> {
  return fc.record({
    ...common,
    kind: fc.constant('group' as const),
    id: few('g'),
    name: names,
    state: fc.constantFrom('creating' as const, 'ready' as const, 'deleting' as const),
    sourceIds: fc.array(few('v'), { maxLength: 3 }),
    snapshotIds: fc.array(few('s'), { maxLength: 3 }),
  });
}

export const anyRecord = (names?: fc.Arbitrary<string>) => fc.oneof(volumes(names), snapshots(names), groups(names));
