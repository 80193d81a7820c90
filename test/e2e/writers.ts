import { DISKS_NAMESPACE } from './disks.ts';
import { claim, podWith } from './objects.ts';
import type { Stowage } from './stowage.ts';
import { check, untilTrue } from './wait.ts';

const PROGRESS_MS = 60_000;

/** Writes, reads back and compares, and ends at the first error. Waits while it is told to. */
const WRITER = `
i=0
while true; do
  while [ -e /tmp/pause ]; do touch /tmp/paused; sleep 0.2; done
  f=/data/$((i % 40))
  head -c 1048576 /dev/urandom >$f && sha256sum $f >$f.sum && sync $f && sha256sum -c -s $f.sum || { echo FAILED at $i; exit 1; }
  i=$((i + 1)); echo $i; sleep 0.2
done`;
const VERIFY = `
touch /tmp/pause && until [ -e /tmp/paused ]; do sleep 0.2; done
cd /data && n=0; for s in *.sum; do sha256sum -c -s $s || exit 1; n=$((n + 1)); done
rm /tmp/pause /tmp/paused && echo $n files`;
/** Runs on a node, in bash alone, since an emulated one takes long to start programs: SIGKILL to the drivers, which get no chance to end well. */
const KILL = `
for p in /proc/[0-9]*; do
  c=(); { mapfile -d '' -t c <$p/cmdline; } 2>/dev/null
  [[ "\${c[*]}" == 'node '*'stowage serve --config'* ]] && kill -9 \${p#/proc/}
done; true`;

/** A pod that writes to the claim of its name; on the node named, where there is one. */
export function writerPod(name: string, node?: string): object {
  return podWith(name, WRITER, node);
}

/** @returns how often it has written; it does so now, too, and has met no error */
export async function stillWrites({ cluster }: Stowage, pod: string, limitMs = PROGRESS_MS): Promise<number> {
  const rounds = async () => {
    const log = await cluster.logs(`pod/${pod}`);
    check(!log.includes('FAILED'), `${pod} met an error: ${log.slice(-300)}`);
    return Number(log.trimEnd().split('\n').at(-1));
  };
  const before = await rounds();
  await untilTrue(`${pod} goes on writing`, limitMs, async () => (await rounds()) > before);
  check((await cluster.field(`pod/${pod}`, '{.status.phase}')) === 'Running', `${pod} does not run any more`);
  return before;
}

/** Compares all that it wrote. @throws where something is another */
export async function compareWritten({ cluster }: Stowage, pod: string): Promise<void> {
  await cluster.exec(pod, ['sh', '-c', VERIFY]);
}

/** Runs something while pods write to a volume of each class, then compares all they wrote. */
export async function whileWriting(
  stowage: Stowage,
  classes: readonly string[],
  disturb: () => Promise<void>,
): Promise<string> {
  const { cluster } = stowage;
  const pods = classes.map((name) => `e2e-writer-${name}`);
  try {
    for (const [index, pod] of pods.entries()) {
      await cluster.apply(claim(pod, { storageClass: classes[index] ?? '' }));
      await cluster.apply(writerPod(pod));
    }
    for (const pod of pods) await cluster.ready(`pod/${pod}`);
    await disturb();
    const rounds = await Promise.all(pods.map((pod) => stillWrites(stowage, pod)));
    for (const pod of pods) await compareWritten(stowage, pod);
    return `${pods.length} writers, ${rounds.reduce((sum, one) => sum + one, 0)} files written and compared`;
  } finally {
    await cluster.remove(...pods.map((pod) => `pod/${pod}`));
    await cluster.remove(...pods.map((pod) => `pvc/${pod}`));
    await stowage.nothingLeft();
  }
}

/** SIGKILL to all drivers of all nodes. */
export async function killDrivers({ cluster }: Stowage): Promise<void> {
  for (const pod of await cluster.names('pod', { namespace: DISKS_NAMESPACE })) {
    await cluster.exec(pod, ['bash', '-c', KILL], { namespace: DISKS_NAMESPACE });
  }
}
