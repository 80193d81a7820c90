import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../config/load.ts';
import type { NfsConfig } from '../../config/schema.ts';
import { StowageError } from '../../errors.ts';
import { createHost } from '../../host/system.ts';
import { parseShareSource, type ShareSource } from '../../nfs/source.ts';
import { createLog } from '../../telemetry/log.ts';
import type { AdoptRequest, ReportAdoption } from '../../volumes/adopt.ts';
import { openDriver } from '../../volumes/driver.ts';
import { adoptByDriver } from '../admin-client.ts';
import { MAX_ADOPTIONS } from '../admin-protocol.ts';
import { readObjects } from './kubernetes.ts';
import { newVolume } from './manifest.ts';
import { onDeleteOf } from './on-delete.ts';
import { createOutcome, type Outcome } from './outcome.ts';
import { readWishes } from './wishes.ts';

export const ADOPT_USAGE = `kubectl get pv,storageclass -o json | stowage adopt --config FILE [--dry-run] [--share SERVER:PATH]... [--on-delete POLICY]
  makes the folders of csi-driver-nfs and nfs-subdir-external-provisioner volumes of Stowage's, where they are, and prints PersistentVolumes for them; exit
  status 2 where it refused some
  --dry-run     says what it would do, and changes nothing
  --share       where the paths of nfs-subdir-external-provisioner begin (its NFS_PATH), for volumes with a pathPattern
  --on-delete   delete, retain or archive, instead of what the old provisioner would do`;

const MAX_INPUT_BYTES = 128 * 1024 ** 2;

/** `stowage adopt`: by the driver that runs, else as one that runs for so long. @returns false where some were refused */
export async function adopt(args: readonly string[]): Promise<boolean> {
  const { file, isDryRun, ...choices } = readOptions(args);
  const config = await loadConfig(file);
  if (config.driver !== 'nfs' || config.role === 'node') {
    throw new StowageError('invalid', `${file} is no config of the NFS driver's controller, which has the volumes`);
  }
  const objects = readObjects(await readInput());
  const { candidates, refused } = readWishes(objects, choices);
  if (candidates.length > MAX_ADOPTIONS) {
    throw new StowageError(
      'invalid',
      `the input has ${candidates.length} volumes; give at most ${MAX_ADOPTIONS} at once`,
    );
  }
  const outcome = createOutcome(candidates, refused);
  const asked = { volumes: candidates.map(({ wish }) => wish), isDryRun };
  if (asked.volumes.length > 0) await ask(config, asked, outcome.take, interruption());
  process.stdout.write(isDryRun ? describe(outcome) : manifests(outcome, config));
  process.stderr.write(outcome.summary(objects.othersCount, isDryRun));
  return outcome.refusedCount() === 0;
}

async function ask(config: NfsConfig, asked: AdoptRequest, report: ReportAdoption, signal: AbortSignal): Promise<void> {
  if (await adoptByDriver(config.stateDir, asked, report, signal)) return;
  process.umask(0); // modes are exact, as in `stowage serve`
  const driver = await openDriver({
    config: { ...config, managed: undefined, pools: [] }, // shares are all that is needed: nothing is exported
    nodeId: 'adopt',
    host: createHost(join(config.stateDir, 'run')),
    log: createLog(config.logLevel === 'silent' ? 'silent' : 'warn'),
  });
  try {
    await driver.adopt(asked, report, signal);
  } finally {
    await driver.stop();
  }
}

function describe({ adopted }: Outcome): string {
  const lines = adopted().map(({ wish, event: { id, context, wasThere } }) => {
    const where = `${context.server}:${context.share}, subDir ${context.subDir}, ${wish.sizeBytes} bytes, onDelete ${wish.onDelete}`;
    return wasThere ? `${wish.name}: is volume ${id} already` : `${wish.name}: would be adopted: ${where}`;
  });
  return lines.map((line) => `${line}\n`).join('');
}

function manifests({ adopted }: Outcome, { name: driver }: NfsConfig): string {
  const items = adopted().map(({ volume, wish, event: { id = '', context } }) =>
    newVolume(volume, { driver, id, context, mountOptions: wish.options }),
  );
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)}\n`;
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY)
    throw new StowageError('invalid', `give PersistentVolumes on the standard input\n${ADOPT_USAGE}`);
  const chunks: Buffer[] = [];
  let lengthBytes = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    lengthBytes += bytes.length;
    if (lengthBytes > MAX_INPUT_BYTES) {
      throw new StowageError(
        'invalid',
        `the input has more than ${MAX_INPUT_BYTES} bytes; give fewer PersistentVolumes at once`,
      );
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function interruption(): AbortSignal {
  const abort = new AbortController();
  const end = () =>
    abort.abort(
      new StowageError('cancelled', 'interrupted: some may be adopted; the same command goes on with the others'),
    );
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return abort.signal;
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      'dry-run': { type: 'boolean' },
      share: { type: 'string', multiple: true },
      'on-delete': { type: 'string' },
    },
  });
  if (values.config === undefined) throw new StowageError('invalid', `--config is missing\n${ADOPT_USAGE}`);
  const text = values['on-delete'];
  const onDelete = onDeleteOf(text ?? '');
  if (text !== undefined && onDelete === undefined)
    throw new StowageError('invalid', `--on-delete ${JSON.stringify(text)}: it must be delete, retain or archive`);
  return {
    file: values.config,
    isDryRun: values['dry-run'] === true,
    shares: (values.share ?? []).map(readShare),
    onDelete,
  };
}

/** `nas:/srv/volumes`, `[fd00::5]:/srv` */
function readShare(text: string): ShareSource {
  const at = text.indexOf(':/');
  if (at < 0) throw new StowageError('invalid', `--share ${JSON.stringify(text)}: it must be SERVER:/PATH`);
  return parseShareSource(text.slice(0, at), text.slice(at + 1));
}
