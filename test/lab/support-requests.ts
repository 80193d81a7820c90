import { readFile } from 'node:fs/promises';

/** How often each operation was sent to servers, by its name in NFS, over the mounts beneath a folder: /proc/self/mountstats. */
export async function requestsBeneath(folder: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const mounts = (await readFile('/proc/self/mountstats', 'utf8')).split(/^device /m);
  for (const mount of mounts.filter((text) => text.includes(` mounted on ${folder}/`))) {
    for (const [, name = '', count] of mount.matchAll(/^\s+([A-Z_]+): (\d+) /gm))
      counts.set(name, (counts.get(name) ?? 0) + Number(count));
  }
  return counts;
}

/** What was sent between the two, but for nothing. */
export function sentBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const sent = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(sent.filter(([, count]) => count > 0));
}
