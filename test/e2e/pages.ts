import { readFile } from 'node:fs/promises';
import { command } from './command.ts';
import type { Cluster } from './kubectl.ts';

const FOLDER = 'docs/how-to';
const PAGE_MS = 600_000;
const BLOCK = /^( *)```sh\n(.*?)^\1```$/gms;

/** What a reader puts in, or does otherwise: texts of the page, and what becomes of them. Each must be in it, so that a page that has changed is noticed. */
export type FillIns = Readonly<Record<string, string>>;

/**
 * Runs shell commands of a page of docs/how-to as they stand there, in one shell that ends at the first failure.
 * @param starts how each block begins that is run; the page's order does not matter
 * @param around shell commands before and behind them
 * @returns what they wrote
 */
export async function follow(
  cluster: Cluster,
  page: string,
  starts: readonly string[],
  { fillIns = {}, before = '', behind = '' }: { fillIns?: FillIns; before?: string; behind?: string },
): Promise<string> {
  const blocks = shellBlocks(await readFile(`${FOLDER}/${page}`, 'utf8'));
  const chosen = starts.map((start) => {
    const found = blocks.filter((block) => block.startsWith(start));
    if (found.length !== 1) throw new Error(`${page}: ${found.length} shell blocks begin with ${start}, not one`);
    return found[0];
  });
  const script = [before, fillInAll(page, chosen.join('\n'), fillIns), behind].join('\n');
  return command('bash', ['-euo', 'pipefail', '-c', script], { env: cluster.env, timeoutMs: PAGE_MS });
}

/** The texts of a page's `sh` blocks, without the indentation that those of lists have. */
export function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(BLOCK)].map(([, indent = '', text = '']) =>
    text
      .split('\n')
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n'),
  );
}

function fillInAll(page: string, text: string, fillIns: FillIns): string {
  return Object.entries(fillIns).reduce((filled, [from, to]) => {
    if (!filled.includes(from)) throw new Error(`${page}: there is no ${JSON.stringify(from)} to be filled in`);
    return filled.replaceAll(from, to);
  }, text);
}
