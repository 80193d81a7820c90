import { type Cleanup, createCleanup } from '../../src/cli/demo/cleanup.ts';
import { messageOf } from '../../src/errors.ts';
import type { Case } from './case.ts';
import { adminCases } from './cases/admin.ts';
import { exampleCases } from './cases/examples.ts';
import { growthCases } from './cases/growth.ts';
import { lifecycleCases } from './cases/lifecycle.ts';
import { movedPoolCases } from './cases/moved-pool.ts';
import { nfsDeadServerCases } from './cases/nfs-dead-server.ts';
import { nfsExampleCases } from './cases/nfs-examples.ts';
import { nfsFencingCases } from './cases/nfs-fencing.ts';
import { nfsManagedCases } from './cases/nfs-managed.ts';
import { nfsPageCases } from './cases/nfs-pages.ts';
import { nfsShareCases } from './cases/nfs-share.ts';
import { nodeCases } from './cases/nodes.ts';
import { pageCases } from './cases/pages.ts';
import { refusalCases } from './cases/refusals.ts';
import { scaleCases } from './cases/scale.ts';
import { snapshotCases } from './cases/snapshots.ts';
import { storageSuiteCases } from './cases/storage-suite.ts';
import { upkeepCases } from './cases/upkeep.ts';
import { wholeDiskCases } from './cases/whole-disks.ts';
import { hasProgram } from './command.ts';
import { provideDisks } from './disks.ts';
import type { Feature, Features } from './features.ts';
import { prepareInstallation } from './install.ts';
import { collectLogs } from './logs.ts';
import { createNfs } from './nfs.ts';
import { chooseNfs } from './nfs-plan.ts';
import { type E2eOptions, HELP, parseOptions } from './options.ts';
import { createPower } from './power.ts';
import { provideCluster, provideImage } from './provide-cluster.ts';
import { formatReport, type Outcome } from './report.ts';
import { provideSnapshots } from './snapshots.ts';
import { createStowage, type Stowage } from './stowage.ts';

const INTERRUPTED = 130; // as a shell has it: 128 + SIGINT
const CASES = [
  ...exampleCases,
  ...lifecycleCases,
  ...growthCases,
  ...snapshotCases,
  ...pageCases,
  ...refusalCases,
  ...adminCases,
  ...scaleCases,
  ...upkeepCases,
  ...wholeDiskCases,
  ...nodeCases,
  ...movedPoolCases,
  ...nfsShareCases,
  ...nfsPageCases,
  ...nfsExampleCases,
  ...nfsManagedCases,
  ...nfsDeadServerCases,
  ...nfsFencingCases,
  ...storageSuiteCases,
];

// What a case may need besides programs and nodes.
const OF_DISKS_AND_OPTIONS = [
  'xfs',
  'btrfs',
  'quota',
  'lvm',
  'resource',
  'snapshots',
  'groupSnapshots',
  'power',
] as const;
const OF_NFS = ['nfs', 'nfsServer', 'nfsStop', 'nfsServing', 'mariadb'] as const;

let isInterrupted = false;
process.on('SIGINT', () => {
  if (isInterrupted) process.exit(INTERRUPTED);
  isInterrupted = true;
  say('interrupted: the case that runs is the last one; once more to leave everything as it is');
});

await main();

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === 'help') {
    process.stdout.write(HELP);
    return;
  }
  for (const program of ['docker', 'kubectl', 'helm', ...(options.kubeconfig === undefined ? ['kind'] : [])]) {
    if (!(await hasProgram(program))) throw new Error(`${program} is needed, and is not on the PATH`);
  }
  const cleanup = createCleanup();
  const outcomes: Outcome[] = [];
  try {
    await runAll(options, cleanup, outcomes);
  } catch (error) {
    outcomes.push({ name: 'installation', result: 'failed', seconds: 0, detail: messageOf(error) });
    say(messageOf(error));
  } finally {
    for (const problem of options.keep ? [] : await cleanup.run()) {
      outcomes.push({ name: 'removal', result: 'failed', seconds: 0, detail: problem });
    }
  }
  process.stdout.write(`\n${formatReport(outcomes)}\n`);
  process.exitCode = outcomes.some(({ result }) => result === 'failed') ? 1 : isInterrupted ? INTERRUPTED : 0;
}

async function runAll(options: E2eOptions, cleanup: Cleanup, outcomes: Outcome[]): Promise<void> {
  say('cluster and image');
  const cluster = await provideCluster(options, cleanup);
  const image = await provideImage(options);
  say('snapshots, disks');
  const snapshots = await provideSnapshots(cluster, cleanup);
  const { nodes, has } = await provideDisks(cluster, image, cleanup);
  for (const feature of snapshots.has) has.add(feature);
  const values = await prepareInstallation(cluster, image, has, nodes, cleanup);
  const chosen = await chooseNfs(cluster, image, options, nodes, has, cleanup);
  const nfs = createNfs(cluster, nodes, chosen.plan, chosen.node, options.mariadbImage);
  const stowage = createStowage(cluster, values, nodes, createPower(options.powerCommand), nfs);
  for (const feature of chosen.has) has.add(feature);
  if (options.powerCommand !== undefined) has.add('power');
  const features = await featuresOf(has, stowage, { ...snapshots.why, ...chosen.why });

  for (const one of CASES) {
    if (isInterrupted) break;
    if (options.only.length > 0 && !options.only.some((word) => one.name.includes(word))) continue;
    const missing = (one.needs ?? []).filter((feature) => !features.has.has(feature));
    if (missing.length === 0) outcomes.push(...(await installFor(one, stowage)));
    const outcome = await runCase(one, stowage, missing, features);
    outcomes.push(outcome);
    say(`${outcome.result}: ${outcome.name} (${outcome.seconds.toFixed(1)} s) ${outcome.detail}`);
    if (outcome.result === 'failed')
      await collectLogs(cluster, `${options.logFolder}/${one.name.replaceAll(/\W+/g, '-')}`);
  }
}

/** Installs the chart as a case needs it. @throws where it does not get ready: nothing else can be tried then */
async function installFor({ chart = 'local' }: Case, stowage: Stowage): Promise<Outcome[]> {
  const startMs = performance.now();
  if (!(await stowage.use(chart))) return [];
  const seconds = (performance.now() - startMs) / 1000;
  const outcome: Outcome = {
    name: `installation: ${chart}`,
    result: 'passed',
    seconds,
    detail: `${stowage.nodes.length} nodes`,
  };
  say(`${outcome.result}: ${outcome.name} (${seconds.toFixed(1)} s)`);
  return [outcome];
}

async function runCase(one: Case, stowage: Stowage, missing: readonly Feature[], { why }: Features): Promise<Outcome> {
  if (missing.length > 0) {
    const detail = missing.map((feature) => why[feature] ?? feature).join('; ');
    return { name: one.name, result: 'not run', seconds: 0, detail };
  }
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  try {
    const detail = (await one.run(stowage)) ?? '';
    return { name: one.name, result: 'passed', seconds: seconds(), detail };
  } catch (error) {
    return { name: one.name, result: 'failed', seconds: seconds(), detail: messageOf(error) };
  }
}

async function featuresOf(found: ReadonlySet<string>, stowage: Stowage, why: Features['why']): Promise<Features> {
  const suite = (await hasProgram('e2e.test')) && (await hasProgram('ginkgo'));
  const has = new Set<Feature>([...OF_DISKS_AND_OPTIONS, ...OF_NFS].filter((name) => found.has(name)));
  if (stowage.nodes.length > 1) has.add('twoNodes');
  if (suite) has.add('storageSuite');
  if (await hasProgram('jq')) has.add('jq');
  return {
    has,
    why: {
      xfs: 'the kernel has no XFS',
      btrfs: 'the kernel has no btrfs',
      quota: 'the kernel has no project quotas',
      lvm: 'the kernel has no device mapper with thin pools',
      resource: 'root lacks CAP_SYS_RESOURCE here, without which no mounted ext4 grows',
      twoNodes: 'the cluster has one node with the driver',
      power: 'STOWAGE_E2E_POWER does not say how to cut the power of a node',
      jq: 'jq, which the pages use, is not on the PATH',
      storageSuite: 'e2e.test and ginkgo of Kubernetes are not on the PATH',
      ...why,
    },
  };
}

function say(text: string): void {
  process.stdout.write(`e2e: ${text}\n`);
}
