import { execa } from 'execa';

const MINUTE_MS = 60_000;
const MAX_BYTES = 64 * 1024 ** 2;

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Shows the output instead of returning it. */
  readonly show?: boolean;
}

/** A program's standard output. @throws with what it said where it fails, or takes longer than a minute or `timeoutMs` */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { stdout } = await execa(program, [...args], {
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    env: { ...options.env },
    timeout: options.timeoutMs ?? MINUTE_MS,
    maxBuffer: MAX_BYTES,
    ...(options.show ? { stdout: 'inherit' as const, stderr: 'inherit' as const } : {}),
  });
  return stdout ?? '';
}

/** Whether a program is on the PATH. */
export async function hasProgram(program: string): Promise<boolean> {
  const { exitCode } = await execa('sh', ['-c', 'command -v "$0"', program], { reject: false });
  return exitCode === 0;
}
