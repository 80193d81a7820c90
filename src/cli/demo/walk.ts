import type { CsiClient, UnaryMethod } from '../../csi/client.ts';
import type { Host } from '../../host/host.ts';
import type { EmbeddedPool } from './pool.ts';
import type { Screen } from './screen.ts';

/** A part of the demonstration: its title and what it does. */
export interface Step {
  readonly title: string;
  readonly run: (walk: Walk) => Promise<void>;
}

/** A volume as the walk wants it; where it is staged and published follows from its name. */
export interface DemoVolume {
  readonly name: string;
  readonly sizeBytes: number;
  readonly access: 'mount' | 'block';
  readonly stagingPath: string;
  readonly targetPath: string;
}

/** What CreateVolume answered. */
export interface MadeVolume {
  readonly id: string;
  readonly context: Readonly<Record<string, string>>;
}

/** What the steps share. */
export interface Walk {
  readonly host: Host;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  readonly client: CsiClient;
  readonly nodeId: string;
  readonly kubeletFolder: string; // stands in for /var/lib/kubelet: staging and target paths lie beneath it
  readonly poolName: string;
  readonly pool: EmbeddedPool;
  readonly volumes: {
    readonly data: DemoVolume;
    readonly restored: DemoVolume;
    readonly clone: DemoVolume;
    readonly disk: DemoVolume;
  };
  readonly made: Map<string, MadeVolume>; // by the volume's name
  readonly snapshots: Map<string, string>; // name to id
  readonly checksums: Map<string, string>; // path within the volume to SHA-256, of what was written
}

type Arguments = Readonly<Record<string, string | number | boolean | undefined>>;

/** Longer than anything here takes on a slow disk, so that a driver that hangs ends the walk. */
const RPC_TIMEOUT_MS = 120_000;

/**
 * Calls an RPC and shows it: `shown` are the arguments worth reading, `answer` picks what is worth reading of the response.
 * Rejects with the gRPC error.
 */
export async function call<Request, Response>(
  walk: Walk,
  method: UnaryMethod<Request, Response>,
  request: Request,
  shown: Arguments,
  answer: (response: Response) => Arguments = () => ({}),
): Promise<Response> {
  const rpc = method.path.slice(method.path.lastIndexOf('/') + 1);
  const answered = walk.screen.waiting(rpc);
  const startedMs = performance.now();
  try {
    const response = await walk.client.call(method, request, { timeoutMs: RPC_TIMEOUT_MS, signal: walk.signal });
    answered();
    walk.screen.call(rpc, shown, answer(response), performance.now() - startedMs);
    return response;
  } finally {
    answered();
  }
}

/** What CreateVolume answered for this volume. Throws where it was not made. */
export function madeVolume(walk: Walk, volume: DemoVolume): MadeVolume {
  const made = walk.made.get(volume.name);
  if (made === undefined) throw new Error(`volume ${volume.name} was not created`);
  return made;
}
