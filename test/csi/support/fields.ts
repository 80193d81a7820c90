import type { ErrorCode } from '../../../src/errors.ts';

/** A value that must be refused, and how; 'invalid' where no code is given. */
export interface Bad {
  readonly label: string;
  readonly value: unknown;
  readonly code?: ErrorCode;
}

/** What a field of a request takes. */
export interface FieldRule {
  readonly valid: unknown; // 'message' for a message: made of its own fields
  readonly bad: readonly Bad[];
  readonly missing?: ErrorCode; // the error where it is left out; undefined: it may be
  readonly alternative?: true; // the member of a oneof that valid requests do not choose
}

const bad = (label: string, value: unknown, code: ErrorCode = 'invalid'): Bad => ({ label, value, code });

const idBadAbove = (maxBytes: number) => [
  bad('too long', 'x'.repeat(maxBytes + 1)),
  bad('too long in bytes', 'é'.repeat(maxBytes / 2 + 1)),
  bad('with NUL', 'a\0b'),
  bad('with a line feed', 'a\nb'),
];
const idBad = idBadAbove(128);
const nameBad = [
  bad('too long', 'x'.repeat(129)),
  bad('with NUL', 'a\0b'),
  bad('with a C1 control', 'a\u0085b'),
  bad('with DEL', 'a\u007fb'),
];
const mapBad = [
  bad('too large', { key: 'x'.repeat(4094) }),
  bad('too large in sum', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key-${i}`, 'x'.repeat(40)]))),
  bad('with an empty key', { '': 'x' }),
  bad('with a control character in a key', { 'a\u0001': 'x' }),
  bad('with NUL in a value', { key: 'a\0b' }),
];
const unknownKey = bad('with an unknown key', { polo: 'x' });
const onDeleteBad = bad('with an unknown policy', { onDelete: 'shred' });
const pathBad = [
  bad('too long', `/${'a'.repeat(4095)}`),
  bad('with ..', '/var/../etc'),
  bad('with .', '/var/./etc'),
  bad('with an empty component', '/var//etc'),
  bad('the root', '/'),
  bad('with NUL', '/a\0b'),
  bad('with a line feed', '/a\nb'),
];
const relative = bad('relative', 'some/path');
const tooManyBytes = bad('too large for a number', '9223372036854775807', 'out-of-range');

const optionalId: FieldRule = { valid: 'v1.some-id', bad: idBad };
const id: FieldRule = { ...optionalId, missing: 'invalid' };
/** PersistentVolumes written for csi-driver-nfs have long ones. */
const volumeId: FieldRule = { valid: `nas#${'x'.repeat(1000)}##`, bad: idBadAbove(1024), missing: 'invalid' };
const nodeIdBad = [bad('too long', 'x'.repeat(257)), bad('with NUL', 'a\0b')];
const name: FieldRule = { valid: 'pvc-Größe 1', bad: nameBad, missing: 'invalid' };
// Empty is refused by the domain, for groups that exist: csi-sanity asks for others with no members.
const optionalIds: FieldRule = {
  valid: ['v1.one', 'v1.two'],
  bad: [
    bad('with an empty id', ['']),
    bad('with one twice', ['a', 'a']),
    ...idBad.map((one) => ({ ...one, value: [one.value] })),
  ],
};
const ids: FieldRule = { ...optionalIds, missing: 'invalid' };
const secrets: FieldRule = { valid: { password: 'hunter2' }, bad: mapBad };
const context: FieldRule = { valid: { pool: 'fast' }, bad: mapBad };
const parameters: FieldRule = {
  valid: { pool: 'fast', onDelete: 'retain', 'csi.storage.k8s.io/pvc/name': 'data' },
  bad: [...mapBad, unknownKey, onDeleteBad, bad('with an empty pool', { pool: '' })],
};
const mutable: FieldRule = {
  valid: { onDelete: 'archive' },
  bad: [...mapBad, unknownKey, onDeleteBad, bad('with an immutable key', { pool: 'fast' })],
};
const noParameters: FieldRule = {
  valid: { 'csi.storage.k8s.io/volumesnapshot/name': 'x' },
  bad: [...mapBad, unknownKey],
};
const path: FieldRule = { valid: '/var/lib/kubelet/target', bad: [...pathBad, relative], missing: 'invalid' };
const volumePath: FieldRule = { ...path, bad: [...pathBad, { ...relative, code: 'not-found' }] };
const flag: FieldRule = { valid: true, bad: [] };
const maxEntries: FieldRule = { valid: 10, bad: [bad('negative', -1)] };
const bytes: FieldRule = { valid: '4096', bad: [bad('negative', '-1'), tooManyBytes] };
const message: FieldRule = { valid: 'message', bad: [] };
const requiredMessage: FieldRule = { ...message, missing: 'invalid' };
const alternative: FieldRule = { ...message, alternative: true };

/** Every field of every request, by message and name in csi.proto. A field of the proto without an entry fails the test. */
export const FIELDS: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  GetPluginInfoRequest: {},
  GetPluginCapabilitiesRequest: {},
  ProbeRequest: {},
  CreateVolumeRequest: {
    name,
    capacity_range: message,
    volume_capabilities: requiredMessage,
    parameters,
    secrets,
    volume_content_source: message,
    accessibility_requirements: message,
    mutable_parameters: mutable,
  },
  DeleteVolumeRequest: { volume_id: volumeId, secrets },
  ControllerPublishVolumeRequest: {
    volume_id: volumeId,
    node_id: { ...id, bad: nodeIdBad },
    volume_capability: requiredMessage,
    readonly: flag,
    secrets,
    volume_context: context,
  },
  ControllerUnpublishVolumeRequest: { volume_id: volumeId, node_id: { ...optionalId, bad: nodeIdBad }, secrets },
  ValidateVolumeCapabilitiesRequest: {
    volume_id: volumeId,
    volume_context: context,
    volume_capabilities: requiredMessage,
    parameters,
    secrets,
    mutable_parameters: mutable,
  },
  ListVolumesRequest: { max_entries: maxEntries, starting_token: optionalId },
  GetCapacityRequest: { volume_capabilities: message, parameters, accessible_topology: message },
  ControllerGetCapabilitiesRequest: {},
  CreateSnapshotRequest: { source_volume_id: id, name, secrets, parameters: noParameters },
  DeleteSnapshotRequest: { snapshot_id: id, secrets },
  ListSnapshotsRequest: {
    max_entries: maxEntries,
    starting_token: optionalId,
    source_volume_id: optionalId,
    snapshot_id: optionalId,
    secrets,
  },
  GetSnapshotRequest: { snapshot_id: id, secrets },
  ControllerExpandVolumeRequest: {
    volume_id: volumeId,
    capacity_range: requiredMessage,
    secrets,
    volume_capability: message,
  },
  ControllerGetVolumeRequest: { volume_id: volumeId },
  ControllerModifyVolumeRequest: {
    volume_id: volumeId,
    secrets,
    mutable_parameters: { ...mutable, missing: 'invalid' },
  },
  GroupControllerGetCapabilitiesRequest: {},
  CreateVolumeGroupSnapshotRequest: { name, source_volume_ids: ids, secrets, parameters: noParameters },
  DeleteVolumeGroupSnapshotRequest: { group_snapshot_id: id, snapshot_ids: optionalIds, secrets },
  GetVolumeGroupSnapshotRequest: { group_snapshot_id: id, snapshot_ids: optionalIds, secrets },
  NodeStageVolumeRequest: {
    volume_id: volumeId,
    publish_context: context,
    staging_target_path: path,
    volume_capability: requiredMessage,
    secrets,
    volume_context: context,
  },
  NodeUnstageVolumeRequest: { volume_id: volumeId, staging_target_path: path },
  NodePublishVolumeRequest: {
    volume_id: volumeId,
    publish_context: context,
    staging_target_path: { valid: path.valid, bad: path.bad }, // left out for inline ephemeral volumes; the domain knows which are
    target_path: path,
    volume_capability: requiredMessage,
    readonly: flag,
    secrets,
    volume_context: context,
  },
  NodeUnpublishVolumeRequest: { volume_id: volumeId, target_path: path },
  NodeGetVolumeStatsRequest: {
    volume_id: volumeId,
    volume_path: volumePath,
    staging_target_path: { valid: path.valid, bad: path.bad },
  },
  NodeExpandVolumeRequest: {
    volume_id: volumeId,
    volume_path: volumePath,
    capacity_range: message,
    staging_target_path: { valid: path.valid, bad: path.bad },
    volume_capability: message,
    secrets,
  },
  NodeGetCapabilitiesRequest: {},
  NodeGetInfoRequest: {},
  VolumeContentSource: { snapshot: message, volume: alternative },
  SnapshotSource: { snapshot_id: id },
  VolumeSource: { volume_id: id },
  VolumeCapability: { block: alternative, mount: message, access_mode: requiredMessage },
  BlockVolume: {},
  MountVolume: {
    fs_type: {
      valid: 'ext4',
      bad: [bad('too long', 'x'.repeat(129)), bad('with an option', 'ext4,ro'), bad('a path', '../ext4')],
    },
    mount_flags: {
      valid: ['noatime', 'errors=remount-ro'],
      bad: [
        bad('too large', ['x'.repeat(4097)]),
        bad('with an empty flag', ['']),
        bad('with an option of mount(8)', ['--bind']),
        bad('with a comma', ['noatime,dev']),
        bad('with a line feed', ['noatime\n']),
      ],
    },
    volume_mount_group: { valid: '', bad: [bad('set', '1000')] },
  },
  AccessMode: {
    mode: {
      valid: 'SINGLE_NODE_WRITER',
      bad: [bad('of a later version', 99)],
      missing: 'invalid',
    },
  },
  CapacityRange: { required_bytes: bytes, limit_bytes: { ...bytes, valid: '8192' } },
  TopologyRequirement: { requisite: message, preferred: message },
  Topology: {
    segments: {
      valid: { 'topology.local.csi.stowage.dev/node': 'node-1' },
      bad: [
        ...mapBad,
        bad('with a malformed key', { 'a/b/c': 'x' }),
        bad('with a long key', { ['k'.repeat(64)]: 'x' }),
        bad('with a malformed value', { node: '-x' }),
        bad('with an empty value', { node: '' }),
        bad('with a key in two cases', { node: 'x', Node: 'x' }),
      ],
    },
  },
};
