import { parseMountEntry } from '../../host/mountinfo.ts';

/** What a mount passes on to others, and gets from them (mount_namespaces(7)). */
export type Propagation = 'shared' | 'slave' | 'private';

export interface MountLine {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly isReadOnly: boolean;
  readonly propagation: Propagation;
}

/** @param text of /proc/self/mountinfo (proc_pid_mountinfo(5)) */
export function readMounts(text: string): MountLine[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { mountPoint, fsType, options } = parseMountEntry(line);
    return { mountPoint, fsType, isReadOnly: options.includes('ro'), propagation: propagationOf(line) };
  });
}

/** The mount on which a path lies; of several at one point the last one. */
export function mountOf(mounts: readonly MountLine[], path: string): MountLine | undefined {
  const holds = ({ mountPoint }: MountLine) =>
    mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
  return mounts
    .filter(holds)
    .reduce<MountLine | undefined>(
      (best, mount) => (best === undefined || mount.mountPoint.length >= best.mountPoint.length ? mount : best),
      undefined,
    );
}

function propagationOf(line: string): Propagation {
  const optional = line.slice(0, line.indexOf(' - ')).split(' ').slice(6);
  if (optional.some((field) => field.startsWith('shared:'))) return 'shared';
  return optional.some((field) => field.startsWith('master:')) ? 'slave' : 'private';
}
