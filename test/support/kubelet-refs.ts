import { readFile } from 'node:fs/promises';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import { placeOf } from '../../src/staging/mounted.ts';

/**
 * The mounts for whose sake the kubelet does not have a volume unstaged: those that show the same place of the same device as the staging path, as it looks
 * for them in mountinfo (GetDeviceMountRefs).
 */
export async function mountsInTheWay(stagingPath: string): Promise<string[]> {
  const table = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  const { id } = table.containing(stagingPath);
  const place = placeOf(table, stagingPath);
  return table.entries
    .filter((mount) => mount.id !== id && mount.device === place.device && mount.root === place.root)
    .map(({ mountPoint }) => mountPoint);
}
