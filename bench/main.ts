import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { messageOf } from '../src/errors.ts';
import { benchForeign } from './foreign.ts';
import { phaseTable, verdictTable } from './markdown.ts';
import { type BenchOptions, HELP, parseOptions } from './options.ts';
import { benchOurs } from './ours.ts';
import { say } from './rounds.ts';
import { judge } from './targets.ts';

/** Measures and prints; everything that was made is removed, also on failure. */
async function bench(options: BenchOptions): Promise<void> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'stowage-bench-'));
  const cleanup = createCleanup();
  cleanup.add(`folder ${folder}`, () => rm(folder, { recursive: true, force: true }));
  try {
    const results =
      options.endpoint === undefined
        ? await benchOurs(folder, options)
        : await benchForeign(folder, options, options.endpoint);
    process.stdout.write(
      `\n${phaseTable(results)}\n\n${options.endpoint === undefined ? verdictTable(judge(results)) : ''}\n`,
    );
    const { sizes } = options;
    if (options.jsonFile !== undefined)
      await writeFile(
        options.jsonFile,
        JSON.stringify({ node: process.version, cpus: cpus().length, sizes, ...results }, null, 2),
      );
  } finally {
    for (const failure of await cleanup.run()) say(`could not undo ${failure}`);
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else await bench(options);
} catch (error) {
  say(`bench: ${messageOf(error)}`);
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause)
    say(`  ${cause.message}`);
  process.exitCode = 1;
}
