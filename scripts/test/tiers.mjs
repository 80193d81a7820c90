import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { release } from 'node:os';
import { run } from './child.mjs';

const RESULTS = '.cache/test';
const LAB = '.cache/lab'; // the one folder that the guest may write to
const MINUTE_MS = 60_000;
const HOST = `host kernel ${release()}`;
const JEST = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];

mkdirSync(RESULTS, { recursive: true });
mkdirSync(LAB, { recursive: true });

/** The tiers in their order. Each gives its counts, and in `problems` what went wrong besides single tests. */
export const TIERS = {
  lint: () => check('node_modules/.bin/biome', ['check', '--error-on-warnings', '.']),
  types: () => check('node_modules/.bin/tsc', ['-p', '.']),
  unit: () => jestHere('unit', 5 * MINUTE_MS),
  host: () => jestHere('host', 40 * MINUTE_MS),
  lab: () => jestInLab('lab', 40 * MINUTE_MS),
  'lab-nfs': () => jestInLab('lab-nfs', 40 * MINUTE_MS),
  sanity: () => sanity(40 * MINUTE_MS),
};

/** Tiers that work with real mounts and loop devices of this machine. */
export const TIERS_ON_HOST = ['host', 'sanity'];

/** Tiers that have a guest of their own. */
export const TIERS_IN_LAB = ['lab', 'lab-nfs'];

async function check(program, args) {
  const { exitCode, problem } = await run(program, args, { limitMs: 5 * MINUTE_MS });
  const failed = exitCode === 0 ? 0 : 1;
  return {
    where: 'anywhere',
    passed: 1 - failed,
    failed,
    skipped: 0,
    problems: problem === undefined ? [] : [problem],
  };
}

async function jestHere(project, limitMs) {
  const file = `${RESULTS}/${project}.json`;
  rmSync(file, { force: true });
  const ended = await run(process.execPath, [...JEST, ...jestArguments(project, file), '--maxWorkers=2'], { limitMs });
  return { where: HOST, ...countsOfJest(file, ended) };
}

async function jestInLab(project, limitMs) {
  const [file, kernel, log] = [`${LAB}/${project}.json`, `${LAB}/${project}.kernel`, `${RESULTS}/${project}.log`];
  rmSync(file, { force: true });
  const inside = ['bash', '-c', `uname -r >${kernel} && exec "$@"`, project, process.execPath, ...JEST];
  const args = [
    '-m',
    '3G',
    '-t',
    String(limitMs / 1000),
    '-w',
    LAB,
    '--',
    ...inside,
    ...jestArguments(project, file),
    '--runInBand',
  ];
  // It runs beside other tiers: its output comes as a whole, at its end.
  const ended = await run('test/lab/run', args, { limitMs: limitMs + MINUTE_MS, outputFile: log });
  console.log(`\n=== ${project}: its output\n${readFileSync(log, 'utf8')}`);
  const release = existsSync(kernel) ? readFileSync(kernel, 'utf8').trim() : 'unknown';
  return { where: `guest kernel ${release}`, ...countsOfJest(file, ended) };
}

function jestArguments(project, file) {
  return ['--selectProjects', project, '--json', `--outputFile=${file}`];
}

function countsOfJest(file, { exitCode, problem }) {
  const problems = problem === undefined ? [] : [problem];
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, problems: [...problems, 'no test results'] };
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests + results.numTodoTests;
  if (skipped > 0) problems.push(`${skipped} skipped tests: ${namesOfSkipped(results).join('; ')}`);
  if (exitCode !== 0 && failed === 0) problems.push(`jest ended with ${exitCode}`);
  return { passed: results.numPassedTests, failed, skipped, problems };
}

function namesOfSkipped({ testResults }) {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  return all.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName);
}

async function sanity(limitMs) {
  const file = '.cache/sanity/results.json';
  rmSync(file, { force: true });
  const { exitCode, problem } = await run('./csi-sanity.sh', [], { limitMs });
  const problems = problem === undefined ? [] : [problem];
  if (!existsSync(file))
    return { where: HOST, passed: 0, failed: 1, skipped: 0, problems: [...problems, 'no results'] };
  const { kernels, passed, failed, skipped } = JSON.parse(readFileSync(file, 'utf8'));
  if (exitCode !== 0 && failed === 0) problems.push(`csi-sanity.sh ended with ${exitCode}`);
  return { where: `kernels ${kernels.join(', ')}`, passed, failed, skipped, problems };
}
