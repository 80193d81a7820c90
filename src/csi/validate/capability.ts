import type { Access, AccessMode, Capability } from '../../volumes/requests.ts';
import {
  _csi_v1_VolumeCapability_AccessMode_Mode as Mode,
  type VolumeCapability__Output as VolumeCapability,
} from '../generated/csi/v1/VolumeCapability.ts';
import { checkText, invalid, MAX_MAP_BYTES, present } from './fields.ts';

type Mount = NonNullable<VolumeCapability['mount']>;

/** A capability that must be there. */
export function requiredCapability(field: string, value: VolumeCapability | null): Capability {
  return capability(field, present(field, value));
}

/** A capability that may be left out. */
export function optionalCapability(field: string, value: VolumeCapability | null): Capability | undefined {
  return value === null ? undefined : capability(field, value);
}

/** A list of capabilities that must have at least one. */
export function requiredCapabilities(field: string, values: readonly VolumeCapability[]): readonly Capability[] {
  if (values.length === 0) throw invalid(field, 'is required and empty');
  return capabilities(field, values);
}

/** A list of capabilities that may be empty. */
export function capabilities(field: string, values: readonly VolumeCapability[]): readonly Capability[] {
  return values.map((value, index) => capability(`${field}[${index}]`, value));
}

/** Refuses a list that wants one volume as a block device and as a file system. */
export function checkOneAccessType(field: string, list: readonly Capability[]): void {
  if (new Set(list.map(({ access }) => access.type)).size > 1) {
    throw invalid(field, 'asks for both block and mount access; a volume has one of them');
  }
}

function capability(field: string, value: VolumeCapability): Capability {
  const { mode } = present(`${field}.access_mode`, value.accessMode);
  return { access: access(field, value), mode: accessMode(`${field}.access_mode.mode`, mode) };
}

/** An unknown mode arrives as its number. */
function accessMode(field: string, mode: Mode | number): AccessMode {
  if (typeof mode === 'number' || !(mode in Mode)) throw invalid(field, `is ${mode}, which is not known`);
  if (mode === Mode.UNKNOWN) throw invalid(field, 'is required and missing');
  return mode;
}

function access(field: string, { block, mount }: VolumeCapability): Access {
  const hasBlock = block !== null && block !== undefined;
  if (mount === null || mount === undefined) {
    if (!hasBlock) throw invalid(`${field}.access_type`, 'is required and missing: neither block nor mount');
    return { type: 'block' };
  }
  if (hasBlock) throw invalid(`${field}.access_type`, 'is both block and mount');
  return mountAccess(`${field}.mount`, mount);
}

function mountAccess(field: string, { fsType, mountFlags, volumeMountGroup }: Mount): Access {
  checkText(`${field}.fs_type`, fsType);
  if (!/^[A-Za-z0-9]*$/.test(fsType)) throw invalid(`${field}.fs_type`, 'has other characters than letters and digits');
  checkMountFlags(`${field}.mount_flags`, mountFlags);
  if (volumeMountGroup !== '') {
    throw invalid(`${field}.volume_mount_group`, 'is set, and this driver has no VOLUME_MOUNT_GROUP capability');
  }
  return { type: 'mount', fsType: fsType === '' ? undefined : fsType, mountFlags };
}

/** Each flag is one mount option. They may be sensitive (csi.proto): an error names the place, not the flag. */
function checkMountFlags(field: string, flags: readonly string[]): void {
  const bytes = flags.reduce((sum, flag) => sum + Buffer.byteLength(flag), 0);
  if (bytes > MAX_MAP_BYTES) throw invalid(field, `is ${bytes} bytes large; at most ${MAX_MAP_BYTES} are allowed`);
  for (const [index, flag] of flags.entries()) {
    const place = `${field}[${index}]`;
    if (flag === '') throw invalid(place, 'is empty');
    checkText(place, flag, MAX_MAP_BYTES);
    if (flag.startsWith('-')) throw invalid(place, 'begins with "-"; give the option alone, such as noatime');
    if (flag.includes(',')) throw invalid(place, 'has a comma; give each option as a flag of its own');
  }
}
