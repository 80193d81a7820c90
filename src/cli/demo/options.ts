import type { Host } from '../../host/host.ts';
import type { Screen } from './screen.ts';

export interface DemoOptions {
  readonly keep: boolean; // stop after the first published volume and leave the driver running until the signal
  readonly host: Host;
  readonly screen: Screen;
  readonly signal: AbortSignal; // Ctrl-C
  /** What runs `stowage serve`: the program and its arguments before `serve`. */
  readonly command: readonly [string, ...string[]];
}
