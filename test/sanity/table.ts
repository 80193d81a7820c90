import type { Row } from './run-one.ts';

const HEAD = ['backend', 'pool', 'access', 'kernel', 'ran', 'passed', 'failed', 'skipped'];
const TEXT_COLUMNS = 4; // the others are numbers, and right-aligned

/** The rows as lines of a table. */
export function formatRows(rows: readonly Row[]): string[] {
  const cells = rows.map(({ backend, pool, access, kernel, passed, failed, skipped }) =>
    [backend, pool, access, kernel, passed + failed, passed, failed, skipped].map(String),
  );
  const table = [HEAD, ...cells];
  const widths = HEAD.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table.map((line) =>
    line
      .map((cell, column) =>
        column < TEXT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
