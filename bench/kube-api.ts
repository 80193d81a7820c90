import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type * as z from 'zod/mini';
import type { Cleanup } from '../src/cli/demo/cleanup.ts';
import { interrupt } from './interrupt.ts';

/** The cluster's API. Paths are as Kubernetes has them: `/api/v1/namespaces/a/pods`. */
export interface KubeApi {
  /** undefined where there is nothing. */
  readonly text: (path: string) => Promise<string | undefined>;
  readonly read: <T>(path: string, schema: z.ZodMiniType<T>) => Promise<T>;
  readonly post: (path: string, object: object) => Promise<void>;
  /** Answers before it is gone; what is not there is no failure. */
  readonly remove: (path: string) => Promise<void>;
  /** The lines of a watch, which has begun when this answers. Ends with `signal`. */
  readonly watch: (path: string, signal: AbortSignal) => Promise<AsyncIterable<string>>;
}

/** Reaches the cluster that kubectl reaches, through `kubectl proxy` on loopback: a program started for each request would take longer than what is measured. */
export async function startKubeApi(cleanup: Cleanup): Promise<KubeApi> {
  const proxy = spawn('kubectl', ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(proxy, 'close'); // rejects where kubectl cannot be started
  cleanup.add('kubectl proxy', async () => {
    proxy.kill();
    await ended;
  });
  const address = await Promise.race([addressIn(proxy.stdout), ended.then(() => undefined)]);
  if (address === undefined) throw new Error('kubectl proxy ended: see above, and whether `kubectl get nodes` works');

  /** Also what is not there (404) is an answer. */
  async function request(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(`http://${address}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (response.ok || response.status === 404) return response;
    throw await refusal(method, path, response);
  }

  async function needed(method: string, path: string, body?: object): Promise<Response> {
    const response = await request(method, path, body);
    if (response.ok) return response;
    throw await refusal(method, path, response);
  }

  return {
    async text(path) {
      const response = await request('GET', path);
      const text = await response.text();
      return response.ok ? text : undefined;
    },
    read: async (path, schema) => schema.parse(await (await needed('GET', path)).json()),
    async post(path, object) {
      await (await needed('POST', path, object)).text();
    },
    async remove(path) {
      await (await request('DELETE', path)).text();
    },
    async watch(path, signal) {
      const response = await fetch(`http://${address}${path}?watch=1`, { signal });
      if (!response.ok || response.body === null) throw new Error(`watch ${path}: ${response.status}`);
      return linesOf(response.body);
    },
  };
}

async function refusal(method: string, path: string, response: Response): Promise<Error> {
  return new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

/** Ends the connection where its user stops early; fails as the stream does. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** kubectl says it in its first line. */
async function addressIn(output: Readable): Promise<string | undefined> {
  for await (const line of createInterface({ input: output, signal: interrupt })) {
    const address = /127\.0\.0\.1:\d+$/.exec(line)?.[0];
    if (address !== undefined) return address;
  }
  return undefined;
}
