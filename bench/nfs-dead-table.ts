import { table } from './markdown.ts';
import type { DeadServerResult } from './nfs-dead.ts';

const MIB = 1024 ** 2;

/** Every call for the dead server's volumes beside the same for another server's; then what others lose by it. As markdown. */
export function deadServerTable(results: readonly DeadServerResult[]): string {
  return results
    .flatMap(({ death, calls, others, held }) => [
      `A server dies: ${death}.`,
      table(
        ['call', "dead server's volumes", "other server's, p50"],
        calls.map(({ call, outcomes }) => {
          const codes = [...new Set(outcomes.map(({ code }) => code))].join(', ');
          const times = outcomes.map(({ ms }) => ms);
          const other = others.find((one) => call === one.call || call.startsWith(`${one.call},`));
          return [
            call,
            `${codes}, ${shown(Math.min(...times), Math.max(...times))}`,
            other ? seconds(other.dead.p50Ms) : '',
          ];
        }),
      ),
      table(
        [
          "call for the other server's volumes",
          'p50 with both',
          'p50 with one dead',
          'p99 with both',
          'p99 with one dead',
          'ratio of p99',
        ],
        others.map(({ call, alive, dead }) => [
          call,
          ...[alive.p50Ms, dead.p50Ms, alive.p99Ms, dead.p99Ms].map(seconds),
          (dead.p99Ms / alive.p99Ms).toFixed(2),
        ]),
      ),
      table(
        ['the driver has', 'before', 'while it is dead', 'after'],
        [
          ['threads', ...row(({ threads }) => threads, held)],
          ['children', ...row(({ children }) => children, held)],
          ['memory, MiB', ...row(({ residentBytes }) => Math.round(residentBytes / MIB), held)],
        ],
      ),
    ])
    .join('\n\n');
}

function row<T>(of: (held: T) => number, { before, dead, after }: Record<'before' | 'dead' | 'after', T>): string[] {
  return [before, dead, after].map((held) => String(of(held)));
}

function shown(leastMs: number, mostMs: number): string {
  return seconds(leastMs) === seconds(mostMs) ? seconds(mostMs) : `${seconds(leastMs)} to ${seconds(mostMs)}`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 100 ? 3 : 2)} s`;
