import { readFile } from 'node:fs/promises';
import { labServers, nfsUp } from './support-nfs.ts';

/** An export as the server's table has it. */
export interface SeenExport {
  readonly path: string;
  readonly client: string;
  readonly readOnly: boolean;
  readonly fsid: string | undefined;
}

/** What the guest's own server exports beneath a folder. (The kernel's own list has what it has forgotten for some seconds more.) */
export async function exportsBeneath(root: string): Promise<SeenExport[]> {
  const lines = (await readFile('/var/lib/nfs/etab', 'utf8')).split('\n');
  return lines.flatMap(parseExport).filter(({ path }) => path.startsWith(`${root}/`));
}

/** `/path<tab>client(options)`: exports(5). */
function parseExport(line: string): SeenExport[] {
  const [, path, client, text] = /^(\/\S*)\s+(\S+?)\(([^()]*)\)$/.exec(line) ?? [];
  if (path === undefined || client === undefined || text === undefined) return [];
  const options = text.split(',');
  const fsid = options.find((option) => option.startsWith('fsid='))?.slice('fsid='.length);
  return [{ path, client, readOnly: options.includes('ro'), fsid }];
}

/** Takes the exports of the guest's own server away, so that a driver of this machine may have its root. @returns what brings them back, without the driver's */
export async function takeServer(): Promise<() => Promise<void>> {
  const { healthy } = await labServers();
  await nfsUp('exportfs -ua && exportfs -f');
  return async () => {
    await nfsUp(`exportfs -ua && nfs_root ${healthy.folder} && exportfs -f`);
  };
}
