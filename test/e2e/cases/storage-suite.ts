import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Case } from '../case.ts';
import { command } from '../command.ts';
import type { Feature } from '../features.ts';
import type { Chart } from '../install.ts';

const FOLDER = '.cache/e2e/suite';
/** For some 60 cases on emulated nodes; in kind they take 5 to 10 minutes. */
const LIMIT_MINUTES = 90;
const PROCESSES = process.env.STOWAGE_E2E_PROCESSES ?? '4';
/** A regular expression: which cases of the suite shall run. */
const FOCUS = process.env.STOWAGE_E2E_FOCUS ?? '';
/**
 * Left out: what takes long, what breaks nodes or wants the cluster for itself, what only Windows has; and snapshots made known by hand without the label that
 * names their node, for which no snapshotter on a node feels responsible (./snapshots.ts makes them known with it).
 */
const SKIP = String.raw`\[Slow\]|\[Disruptive\]|\[Serial\]|\[Feature:Windows\]|\(ntfs\)|Pre-provisioned Snapshot`;

/** What wants to see a volume's size in df: that of a folder is shown where there are project quotas, that of a subvolume never. */
const SIZES = 'correct filesystem size';
/** What wants a copy for a pod that may run anywhere: a class that binds at once finds the source's node, one that waits for a pod need not. */
const COPIES = 'VolumeSnapshotDataSource';

interface Part {
  readonly name: string;
  readonly focus: string;
  readonly skip?: string;
  /** What the class's name ends in. */
  readonly classes?: '-copies';
  readonly chart?: Chart;
}

/** The storage suite of Kubernetes itself, with what the file of test/e2e/testdrivers declares. */
function suite(backend: string, needs: readonly Feature[], part: Part): Case {
  const name = `${backend}, ${part.name}`;
  return {
    name: `storage suite of Kubernetes, ${name}`,
    needs: ['storageSuite', 'snapshots', ...needs],
    ...(part.chart === undefined ? {} : { chart: part.chart }),
    async run({ cluster, nothingLeft }) {
      const folder = join(FOLDER, name.replace(/\W+/g, '-'));
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const e2eTest = (await command('sh', ['-c', 'command -v e2e.test'])).trim();
      const skip = part.skip === undefined ? SKIP : `${SKIP}|${part.skip}`;
      const flags = ['--procs', PROCESSES, '--timeout', `${LIMIT_MINUTES}m`, '--no-color'];
      const selection = ['--focus', withBoth(part.focus, FOCUS), '--skip', skip];
      const report = ['--json-report', 'report.json', '--output-dir', resolve(folder)];
      const driver = `-storage.testdriver=${await testDriver(backend, part.classes ?? '', folder)}`;
      let failure: unknown;
      try {
        const args = [...flags, ...selection, ...report, e2eTest, '--', '-provider=skeleton', driver];
        await command('sh', ['-c', 'log=$0; exec ginkgo "$@" >"$log" 2>&1', join(folder, 'log'), ...args], {
          timeoutMs: LIMIT_MINUTES * 60_000,
          env: cluster.env,
        });
      } catch (error) {
        failure = error; // what failed stands in the report
      }
      const { passed, failed } = await readReport(join(folder, 'report.json')).catch((error: unknown) => {
        throw failure ?? error; // it died without a report
      });
      if (failed.length > 0)
        throw new Error(`${failed.length} of ${passed + failed.length} failed: ${failed.join('; ')}`);
      if (failure !== undefined) throw failure;
      if (passed === 0) throw new Error('no case of the suite was selected');
      await nothingLeft();
      return `${passed} of ${passed}`;
    },
  };
}

/** A regular expression for the suite's cases with both words in their names: what they are about stands in front, their features behind. */
const withBoth = (one: string, other: string) => `External.Storage.*(${one}.*(${other})|(${other}).*${one})`;

/** The file that declares what a driver has, with another class where it ends in something. @returns its path */
async function testDriver(backend: string, classes: string, folder: string): Promise<string> {
  const declared = await readFile(join('test/e2e/testdrivers', `${backend}.yaml`), 'utf8');
  const file = resolve(folder, 'testdriver.yaml');
  await writeFile(file, declared.replace(/FromExistingClassName: e2e-\w+/, `$&${classes}`));
  return file;
}

interface Spec {
  readonly State: string;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
}

async function readReport(file: string): Promise<{ passed: number; failed: string[] }> {
  const reports: readonly { readonly SpecReports: readonly Spec[] }[] = JSON.parse(await readFile(file, 'utf8'));
  const cases = reports.flatMap(({ SpecReports }) => SpecReports).filter((spec) => spec.LeafNodeType === 'It');
  return {
    passed: cases.filter(({ State }) => State === 'passed').length,
    failed: cases
      .filter(({ State }) => !['passed', 'skipped', 'pending'].includes(State))
      .map(({ ContainerHierarchyTexts, LeafNodeText }) => [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ')),
  };
}

const volumes = { name: 'volumes', focus: '', skip: COPIES };
const copies = { name: 'copies', focus: COPIES, classes: '-copies' } as const;

export const storageSuiteCases: readonly Case[] = [
  suite('image', ['xfs'], volumes),
  suite('image', ['xfs'], copies),
  suite('directory', ['xfs'], volumes),
  suite('directory', ['xfs'], { ...copies, skip: SIZES }),
  suite('directory', ['xfs', 'quota'], { ...copies, name: 'sizes', focus: SIZES }),
  suite('btrfs', ['btrfs'], volumes),
  suite('btrfs', ['btrfs'], { ...copies, skip: SIZES }),
  suite('memory', [], volumes),
  suite('disk', [], volumes),
  suite('lvm', ['lvm'], volumes),
  suite('lvm', ['lvm'], copies),
  suite('nfs', ['nfs', 'nfsServer'], { name: 'a share', focus: '', skip: SIZES, chart: 'share' }),
];
