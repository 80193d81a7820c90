import { formatArguments, formatBar, formatBytes, formatMs } from './format.ts';

/** Where the demonstration is shown. */
export interface Output {
  readonly write: (text: string) => void;
  readonly terminal: boolean; // lines may be drawn over
  readonly colours: boolean;
}

/** Shows how far something long is; nothing is drawn before it has taken a second. */
export interface Progress {
  /** Says how much is done now, in all. */
  readonly at: (doneBytes: number) => void;
  /** Removes the bar. */
  readonly end: () => void;
}

export interface Screen {
  readonly headline: (text: string) => void;
  readonly step: (number: number, title: string) => void;
  /** An RPC that was answered: its important arguments and what came back. */
  readonly call: (rpc: string, request: Arguments, response: Arguments, durationMs: number) => void;
  /** A fact: who says it (mountinfo, df, sha256) and what. */
  readonly fact: (source: string, text: string) => void;
  readonly done: (durationMs: number) => void;
  readonly warning: (text: string) => void;
  readonly line: (text: string) => void;
  readonly progress: (label: string, totalBytes: number) => Progress;
  /** Shows on a terminal that something is waited for, and how long; nothing within the first second. Gives what ends it. */
  readonly waiting: (label: string) => () => void;
}

type Arguments = Readonly<Record<string, string | number | boolean | undefined>>;

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 } as const;
const QUIET_MS = 1000; // steps shorter than this get no bar
const REDRAW_MS = 100;
const BAR_WIDTH = 30;
const INDENT = '     ';
const CLEAR_LINE = '\r\u001b[K';

/** True where colours are wanted: a terminal, and NO_COLOR (no-color.org) unset or empty. */
export function wantsColours(terminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  return terminal && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb';
}

/** Renders the demonstration: plain lines, and colours and a live bar where the output can show them. `nowMs` is a monotonic clock. */
export function createScreen(output: Output, nowMs: () => number = () => performance.now()): Screen {
  const paint = (colour: keyof typeof COLOURS, text: string) =>
    output.colours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  const line = (text: string) => output.write(`${text}\n`);
  return {
    line,
    headline: (text) => line(paint('bold', text)),
    step: (number, title) => line(`\n${paint('cyan', String(number).padStart(3))}  ${paint('bold', title)}`),
    call(rpc, request, response, durationMs) {
      const took = paint('dim', `(${formatMs(durationMs)})`);
      line(`${INDENT}${paint('cyan', '>')} ${rpc} ${formatArguments(request)}`.trimEnd().concat(` ${took}`));
      const answer = formatArguments(response);
      if (answer !== '') line(`${INDENT}  ${paint('cyan', '<')} ${answer}`);
    },
    fact: (source, text) => line(`${INDENT}  ${paint('dim', source.padEnd(10))} ${text}`),
    done: (durationMs) => line(`${INDENT}${paint('green', 'ok')} ${formatMs(durationMs)}`),
    warning: (text) => line(paint('red', text)),
    progress: (label, totalBytes) => createProgress(output, nowMs, label, totalBytes),
    waiting: (label) => showWaiting(output, nowMs, label),
  };
}

/** On a terminal one line that is redrawn; elsewhere a line for each quarter. */
function createProgress(output: Output, nowMs: () => number, label: string, totalBytes: number): Progress {
  const startedMs = nowMs();
  let drawnMs = startedMs;
  let quarter = 0;
  let drawn = false;
  const text = (doneBytes: number) =>
    `${INDENT}  ${label} ${formatBar(doneBytes / totalBytes, BAR_WIDTH)} ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  return {
    at(doneBytes) {
      const now = nowMs();
      if (now - startedMs < QUIET_MS) return;
      if (output.terminal && (now - drawnMs >= REDRAW_MS || !drawn)) {
        output.write(`${CLEAR_LINE}${text(doneBytes)}`);
        drawnMs = now;
        drawn = true;
      }
      const reached = Math.floor((doneBytes / totalBytes) * 4);
      if (!output.terminal && reached > quarter) output.write(`${text(doneBytes)}\n`);
      quarter = reached;
    },
    end() {
      if (drawn) output.write(CLEAR_LINE);
      drawn = false;
    },
  };
}

/** A bar that nobody knows the end of: its mark walks to and fro. */
function showWaiting(output: Output, nowMs: () => number, label: string): () => void {
  if (!output.terminal) return () => undefined;
  const startedMs = nowMs();
  let drawn = false;
  const timer = setInterval(() => {
    const waitedMs = nowMs() - startedMs;
    if (waitedMs < QUIET_MS) return;
    const round = Math.floor(waitedMs / REDRAW_MS) % (2 * BAR_WIDTH - 2);
    const at = round < BAR_WIDTH ? round : 2 * BAR_WIDTH - 2 - round;
    const bar = `[${'.'.repeat(at)}#${'.'.repeat(BAR_WIDTH - 1 - at)}]`;
    output.write(`${CLEAR_LINE}${INDENT}  ${label} ${bar} ${formatMs(waitedMs)}`);
    drawn = true;
  }, REDRAW_MS);
  return () => {
    clearInterval(timer);
    if (drawn) output.write(CLEAR_LINE);
    drawn = false;
  };
}
