// Runs the tiers of tests named as arguments, or all, and ends with a table of what ran where and the sums.
// Uses nothing but Node itself. scripts/setup.sh has run before it.
import process from 'node:process';
import { findTraces, newTraces } from './test/leaks.mjs';
import { formatTable } from './test/table.mjs';
import { TIERS, TIERS_IN_LAB, TIERS_ON_HOST } from './test/tiers.mjs';

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(TIERS);
const unknown = names.filter((name) => !Object.hasOwn(TIERS, name));
if (unknown.length > 0) fail(`no such tier: ${unknown.join(', ')}; there are ${Object.keys(TIERS).join(', ')}`);
if (names.some((name) => TIERS_ON_HOST.includes(name)) && process.getuid?.() !== 0) {
  fail('the tiers host and sanity mount file systems: run them as root, or name other tiers (npm run test:unit)');
}

// The lab's guests have one processor each, and wait much: they run beside the tiers of this machine.
const isOfLab = (name) => TIERS_IN_LAB.includes(name);
const before = names.filter((name) => !TIERS_ON_HOST.includes(name) && !isOfLab(name));
const first = await runInTurn(before);
const isBroken = first.some(({ problems }) => problems.includes('interrupted'));
const rest = isBroken ? [] : await runSideBySide(names.filter((name) => !before.includes(name)));
report([...first, ...rest].sort((a, b) => names.indexOf(a.tier) - names.indexOf(b.tier)));

/** Two at a time, in their order; those on this machine one after another, since each looks for what it leaves behind. */
async function runSideBySide(tiers) {
  const waiting = [...tiers];
  const results = [];
  let isHostBusy = false;
  let isOver = false;
  const lane = async () => {
    while (true) {
      const index = waiting.findIndex((name) => !(isHostBusy && TIERS_ON_HOST.includes(name)));
      if (index < 0 || isOver) return;
      const [name] = waiting.splice(index, 1);
      const isOnHost = TIERS_ON_HOST.includes(name);
      if (isOnHost) isHostBusy = true;
      const [result] = await runInTurn([name]);
      if (isOnHost) isHostBusy = false;
      results.push(result);
      isOver ||= result.problems.includes('interrupted');
    }
  };
  await Promise.all([lane(), lane()]);
  return results;
}

async function runInTurn(tiers) {
  const results = [];
  for (const name of tiers) {
    console.log(`\n=== ${name}`);
    results.push(await runTier(name));
    if (results.at(-1).problems.includes('interrupted')) break;
  }
  return results;
}

async function runTier(name) {
  const startMs = performance.now();
  const before = findTraces();
  const result = await TIERS[name]();
  const leaks = TIERS_ON_HOST.includes(name) ? newTraces(before) : [];
  const problems = [...result.problems, ...leaks.map((leak) => `left behind: ${leak}`)];
  // What went wrong besides single tests counts as one that failed.
  const failed = problems.length > 0 && result.failed === 0 ? 1 : result.failed;
  return { tier: name, ...result, failed, problems, seconds: ((performance.now() - startMs) / 1000).toFixed(1) };
}

function report(all) {
  const sum = (column) => all.reduce((total, result) => total + result[column], 0);
  console.log(['', ...formatTable(all), ''].join('\n'));
  for (const { tier, problems } of all) for (const problem of problems) console.log(`${tier}: ${problem}`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
