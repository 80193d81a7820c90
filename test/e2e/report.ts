/** What became of one case. */
export interface Outcome {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'not run';
  readonly seconds: number;
  /** What was measured, what went wrong, or what was missing. */
  readonly detail: string;
}

const COLUMNS = ['case', 'result', 'seconds', 'what was seen'] as const;

/** The table of what ran and what did not and why, and the sums. */
export function formatReport(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ name, result, seconds, detail }) => [
    name,
    result,
    result === 'not run' ? '-' : seconds.toFixed(1),
    detail.split('\n')[0] ?? '',
  ]);
  const widths = COLUMNS.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => (index === 2 ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
  const count = (result: Outcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  return [
    line(COLUMNS),
    ...rows.map(line),
    '',
    `${count('passed')} passed, ${count('failed')} failed, ${count('not run')} not run`,
  ].join('\n');
}
