export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  /** Exit codes that are answers rather than failures; default [0]. */
  readonly exitCodes?: readonly number[];
}

/** Child processes: LC_ALL=C, no shell, no stdin, own process group, output bounded to 1 MiB. */
export interface Commands {
  /**
   * Runs a program to its end. Throws StowageError: 'internal' with the program, its exit code and the end of its stderr where it fails;
   * 'timeout' or 'cancelled' at the signal, after killing its process group; the promise settles within 1 s of the signal even
   * when the child cannot be killed (D state), and then the message says so. 'internal' with what to install where it is missing.
   */
  run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult>;
}
