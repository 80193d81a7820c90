import type { Host } from '../../host/host.ts';
import type { Item } from '../backend.ts';
import type { Places } from '../places.ts';
import { projectOf } from './usage.ts';

/** Words for what is wrong with the item's folder or its limit; undefined where nothing is. */
export async function directoryCondition(host: Host, places: Places, item: Item): Promise<string | undefined> {
  const path = places.path(item);
  const found = await places.at(item, (safePath) => host.files.stat(safePath));
  if (found === undefined) return `its folder ${path} is missing`;
  if (found.type !== 'folder') return `${path} is a ${found.type}, not a folder`;
  const expected = projectOf(item);
  if (expected === undefined) return undefined;
  const project = await places.at(item, (safePath) => host.quotas.project(safePath));
  if (project !== expected)
    return `its folder ${path} has project id ${project}, not ${expected}: its size is not enforced`;
  const { limitBytes } = await host.quotas.usage(path, expected);
  if (limitBytes === 0) return `project ${expected} has no limit: its size is not enforced`;
  return undefined;
}
