const COLUMNS = ['tier', 'where', 'passed', 'failed', 'skipped', 'seconds'];

/** The results as lines of a table; numbers are right-aligned. */
export function formatTable(results) {
  const rows = [COLUMNS, ...results.map((result) => COLUMNS.map((column) => String(result[column])))];
  const widths = COLUMNS.map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  return rows.map((row) =>
    row
      .map((cell, index) => (index < 2 ? cell.padEnd(widths[index]) : cell.padStart(widths[index])))
      .join('  ')
      .trimEnd(),
  );
}
