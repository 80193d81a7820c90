import { madeFsType } from '../backends/layout.ts';
import { StowageError } from '../errors.ts';
import type { VolumeRecord } from './record.ts';
import type { Access, CreateVolumeRequest, ShareWish } from './requests.ts';
import { shareName } from './shares.ts';
import { accessOf } from './wish.ts';

/** A volume of that name exists: it must be what is asked for. @throws 'already-exists' naming the difference */
export function checkSame(record: VolumeRecord, request: CreateVolumeRequest): void {
  const { size, parameters, source } = request;
  const access = accessOf(request);
  const differences = [
    [size.requiredBytes > record.sizeBytes, `it has ${record.sizeBytes} bytes, fewer than ${size.requiredBytes}`],
    [
      size.limitBytes !== undefined && record.sizeBytes > size.limitBytes,
      `it has ${record.sizeBytes} bytes, more than ${size.limitBytes}`,
    ],
    [parameters.pool !== undefined && parameters.pool !== record.pool, `it is in pool ${record.pool}`],
    [placeDiffers(record, parameters.share), 'it is on another share, or in another subDir'],
    [access.type !== record.access, `its access type is ${record.access}`],
    [source?.id !== record.source?.id, `its source is ${record.source?.id ?? 'none'}`],
    [fsTypeDiffers(record, access), 'it has another file system'],
  ] as const;
  for (const [differs, what] of differences) {
    if (differs)
      throw new StowageError(
        'already-exists',
        `volume ${record.name} exists, and ${what}; choose another name or delete it`,
      );
  }
}

function placeDiffers(record: VolumeRecord, share: ShareWish | undefined): boolean {
  if (share === undefined) return false;
  if (record.layout.backend !== 'share' || record.pool !== shareName(share.source)) return true;
  return share.subDir !== undefined && share.subDir !== record.layout.subDir;
}

function fsTypeDiffers(record: VolumeRecord, access: Access): boolean {
  if (access.type === 'block' || access.fsType === undefined) return false;
  return ![undefined, access.fsType].includes(madeFsType(record.layout));
}
