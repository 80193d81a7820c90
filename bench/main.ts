import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { messageOf } from '../src/errors.ts';
import { benchBackendCalls } from './backend-calls.ts';
import { measureCluster } from './cluster.ts';
import { clusterTable } from './cluster-table.ts';
import { benchForeign } from './foreign.ts';
import { interrupt, listenForInterrupt } from './interrupt.ts';
import { backendCallTable, dataPathTable, phaseTable, verdictTable } from './markdown.ts';
import { benchNfs } from './nfs.ts';
import { measureDeadServer } from './nfs-dead.ts';
import { deadServerTable } from './nfs-dead-table.ts';
import { measureTakeover } from './nfs-takeover.ts';
import { takeoverTable } from './nfs-takeover-table.ts';
import { type BenchOptions, HELP, parseOptions } from './options.ts';
import { benchDataPath, benchOurs } from './ours.ts';
import { say } from './rounds.ts';
import { judge, judgeDataPath, judgeNfs } from './targets.ts';

const INTERRUPTED = 130; // as a shell has it: 128 + SIGINT

/** Measures and prints; everything that was made is removed, also on failure. */
async function bench(options: BenchOptions): Promise<void> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'stowage-bench-'));
  const cleanup = createCleanup();
  cleanup.add(`folder ${folder}`, () => rm(folder, { recursive: true, force: true }));
  try {
    const { sizes } = options;
    const results = await measure(folder, options);
    process.stdout.write(`\n${results.text}\n`);
    if (options.jsonFile !== undefined)
      await writeFile(
        options.jsonFile,
        JSON.stringify({ node: process.version, cpus: cpus().length, sizes, ...results.figures }, null, 2),
      );
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

/** What was asked for; its figures, and the text that shows them. */
async function measure(folder: string, options: BenchOptions): Promise<{ figures: object; text: string }> {
  if (options.dataPathOnly) {
    const dataPath = await benchDataPath(folder, options);
    return { figures: { dataPath }, text: `${dataPathTable(dataPath)}\n\n${verdictTable(judgeDataPath(dataPath))}` };
  }
  if (options.callsOnly) {
    const calls = await benchBackendCalls(folder, options);
    return { figures: { calls }, text: backendCallTable(calls) };
  }
  if (options.nfs) {
    const nfs = await benchNfs(folder, options.sizes);
    return { figures: { nfs }, text: `${phaseTable(nfs.rounds)}\n\n${verdictTable(judgeNfs(nfs), 'csi-driver-nfs')}` };
  }
  if (options.nfsDead) {
    const deadServer = await measureDeadServer(options.sizes.deadServerLives);
    return { figures: { deadServer }, text: deadServerTable(deadServer) };
  }
  if (options.nfsTakeover) {
    const takeover = await measureTakeover(options.sizes.takeovers);
    return { figures: { takeover }, text: takeoverTable(takeover) };
  }
  if (options.storageClasses.length > 0) {
    const cluster = await measureCluster(options.storageClasses, options.sizes.cluster);
    if (cluster.brokenOff !== undefined) process.exitCode = 1;
    return { figures: { cluster }, text: clusterTable(cluster) };
  }
  if (options.endpoint !== undefined) {
    const results = await benchForeign(folder, options, options.endpoint);
    return { figures: results, text: phaseTable(results) };
  }
  const results = await benchOurs(folder, options);
  const dataPath = results.dataPath === undefined ? [] : [dataPathTable(results.dataPath)];
  return { figures: results, text: [phaseTable(results), ...dataPath, verdictTable(judge(results))].join('\n\n') };
}

try {
  const options = parseOptions(process.argv.slice(2));
  listenForInterrupt();
  if (options === 'help') process.stdout.write(HELP);
  else await bench(options);
} catch (error) {
  process.exitCode = interrupt.aborted ? INTERRUPTED : 1;
  say(interrupt.aborted ? `bench: ${messageOf(interrupt.reason)}` : `bench: ${messageOf(error)}`);
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause)
    if (cause !== interrupt.reason) say(`  ${cause.message}`);
}
