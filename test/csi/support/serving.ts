import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CsiClient, connectCsi } from '../../../src/csi/client.ts';
import { createHandlers } from '../../../src/csi/driver.ts';
import { type CsiServer, type CsiServerOptions, createCsiServer } from '../../../src/csi/server.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { noMetrics } from '../../../src/telemetry/metrics.ts';
import type { VolumeService } from '../../../src/volumes/service.ts';
import { plugin } from './handlers.ts';
import { fakeVolumes } from './volumes.ts';

export interface Serving {
  readonly folder: string;
  readonly path: string; // of the socket
  readonly log: string[]; // all lines
  start(volumes?: Partial<VolumeService>, options?: Partial<CsiServerOptions>): Promise<CsiServer>;
  connect(): CsiClient;
  /** Ends all servers and clients and removes the folder. */
  end(): Promise<void>;
}

/** Real servers on UNIX sockets in a temporary folder. */
export async function serving(): Promise<Serving> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-csi-'));
  const path = join(folder, 'csi.sock');
  const servers: CsiServer[] = [];
  const clients: CsiClient[] = [];
  const log: string[] = [];
  return {
    folder,
    path,
    log,
    start: async (volumes = {}, options = {}) => {
      const server = await createCsiServer({
        endpoint: `unix://${path}`,
        handlers: createHandlers(plugin, fakeVolumes(volumes)),
        log: createLog('debug', { write: (line) => log.push(line) }),
        metrics: noMetrics,
        ...options,
      });
      servers.push(server);
      return server;
    },
    connect: () => {
      const client = connectCsi(path);
      clients.push(client);
      return client;
    },
    end: async () => {
      for (const client of clients) client.close();
      for (const server of servers) await server.stop(0);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A promise and what settles it. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Rejects when the signal is aborted, as an operation does that heeds it. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
