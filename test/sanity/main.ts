// csi-sanity against the scenarios that the arguments name (a backend, or how names of scenarios begin), or all: see csi-sanity.sh. With --here, the
// arguments are scenarios to run on this kernel, and the rows go to the file of --out: so it calls itself in the lab.
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { hasFeature } from './kernel.ts';
import { runInLab } from './lab.ts';
import { type Row, runOne } from './run-one.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { formatRows } from './table.ts';

const OUT_FOLDER = '.cache/sanity';
const PROGRAM = `${OUT_FOLDER}/main.mjs`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { here: { type: 'boolean' }, out: { type: 'string' } },
});

await mkdir(OUT_FOLDER, { recursive: true });
if (values.here) {
  const { out } = values;
  // After each: where time runs out, what was done is known.
  const keep = async (rows: readonly Row[]) => (out === undefined ? undefined : writeFile(out, JSON.stringify(rows)));
  await runHere(
    SCENARIOS.filter(({ name }) => positionals.includes(name)),
    keep,
  );
} else {
  await runAll(positionals);
}

async function runAll(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => isOf(scenario, name)));
  const known = [...new Set(SCENARIOS.map(({ backend }) => backend))].join(', ');
  if (unknown.length > 0) throw new Error(`no scenario for ${unknown.join(', ')}; there are those of ${known}`);
  const wanted = SCENARIOS.filter((scenario) =>
    names.length === 0 ? !scenario.onlyNamed : names.some((name) => isOf(scenario, name)),
  );
  const here: Scenario[] = [];
  const inLab: string[] = [];
  for (const scenario of wanted) {
    if (scenario.needs === undefined || (await hasFeature(scenario.needs))) here.push(scenario);
    else inLab.push(scenario.name);
  }
  // The guest has one processor, this machine has more.
  const rows = await Promise.all([runHere(here), inLab.length > 0 ? runInLab(inLab, PROGRAM, OUT_FOLDER) : []]);
  await report(rows.flat());
}

/** nfs means nfs-share, too. */
function isOf({ name, backend }: Scenario, wanted: string): boolean {
  return backend === wanted || name === wanted || name.startsWith(`${wanted}-`);
}

async function runHere(
  scenarios: readonly Scenario[],
  keep: (rows: readonly Row[]) => Promise<void> = async () => undefined,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    for (const access of scenario.access) {
      const startMs = performance.now();
      const row = await runOne(scenario, access, OUT_FOLDER);
      const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
      console.log(
        `${scenario.name}, ${access}: ${row.passed} passed, ${row.failed} failed, ${row.skipped} skipped (${seconds} s)`,
      );
      for (const problem of row.problems) console.log(`  ${problem}`);
      rows.push(row);
      await keep(rows);
    }
  }
  return rows;
}

async function report(rows: readonly Row[]): Promise<void> {
  const sum = (count: (row: Row) => number) => rows.reduce((total, row) => total + count(row), 0);
  const failed = sum((row) => Math.max(row.failed, row.problems.length > 0 ? 1 : 0));
  const totals = { passed: sum((row) => row.passed), failed, skipped: sum((row) => row.skipped) };
  const kernels = [...new Set(rows.map(({ kernel }) => kernel))];
  await writeFile(`${OUT_FOLDER}/results.json`, JSON.stringify({ kernels, ...totals, rows }, null, 2));
  console.log(['', ...formatRows(rows), ''].join('\n'));
  console.log(`csi-sanity: ${totals.passed} passed, ${totals.failed} failed; logs and reports are in ${OUT_FOLDER}`);
  process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;
}
