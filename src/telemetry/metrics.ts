import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { StowageError } from '../errors.ts';
import { createGauges, type DriverSample } from './sample.ts';

/** What the gRPC edge reports of each call. */
export interface CallMetrics {
  /** @param code the gRPC status's name, such as NOT_FOUND */
  observeCall(method: string, code: string, durationMs: number): void;
}

/** What the driver's domain reports of volumes that got round their size. */
export interface GuardMetrics {
  /** @param count files and folders that were found outside their volume's quota */
  countQuotaEscapes(pool: string, count: number): void;
}

/** What backends report of copies that are made file by file. */
export interface CopyMetrics {
  countCopiedBytes(pool: string, how: CopyWay, bytes: number): void;
}

/** By FICLONE (NFS 4.2: CLONE), by copy_file_range (NFS 4.2: COPY), or by reading and writing. */
export type CopyWay = 'clone' | 'copy_file_range' | 'read_write';

/** What the driver's domain reports. */
export type DomainMetrics = GuardMetrics & CopyMetrics;

export interface Metrics extends CallMetrics, DomainMetrics {
  readonly registry: Registry;
  /** Says whom to ask for what the gauges show. */
  watch(look: () => Promise<DriverSample>): void;
  /** All of it as it is now, in Prometheus's text format. */
  text(): Promise<string>;
}

const NOTHING: DriverSample = { pools: [], records: [], stuckMounts: 0, stuckProcesses: 0 };

export interface MetricsServer {
  readonly port: number; // the one chosen, where the address asked for port 0
  close(): Promise<void>;
}

/** For a driver without a metrics address. */
export const noMetrics: CallMetrics & DomainMetrics = {
  observeCall: () => undefined,
  countQuotaEscapes: () => undefined,
  countCopiedBytes: () => undefined,
};

/** How often the event loop's lag is looked at. prom-client's own, 10 ms, is most of what an idle driver takes of a processor. */
const LAG_INTERVAL_MS = 100;

/** From an answer at once to a copy that takes minutes. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60, 300];

/** The process's metrics. prom-client is loaded here, not at start: most drivers run without a metrics address. */
export async function createMetrics(): Promise<Metrics> {
  const { collectDefaultMetrics, Counter, Histogram, Registry: PromRegistry } = await import('prom-client');
  const registry = new PromRegistry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_INTERVAL_MS });
  const calls = new Histogram({
    name: 'stowage_csi_call_duration_seconds',
    help: 'How long CSI calls took, by RPC and gRPC status code.',
    labelNames: ['method', 'code'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  const escapes = new Counter({
    name: 'stowage_quota_escapes_total',
    help: 'Files and folders that were found outside the quota of their volume, by pool.',
    labelNames: ['pool'],
    registers: [registry],
  });
  const copiedBytes = new Counter({
    name: 'stowage_copied_bytes_total',
    help: 'Bytes that copies for snapshots and clones have copied file by file, by pool and by how.',
    labelNames: ['pool', 'how'],
    registers: [registry],
  });
  const show = await createGauges(registry);
  let look: () => Promise<DriverSample> = async () => NOTHING;
  return {
    registry,
    watch(newLook) {
      look = newLook;
    },
    async text() {
      show(await look());
      return registry.metrics();
    },
    countCopiedBytes: (pool, how, bytes) => copiedBytes.inc({ pool, how }, bytes),
    countQuotaEscapes: (pool, count) => escapes.inc({ pool }, count),
    observeCall: (method, code, durationMs) => calls.observe({ method, code }, durationMs / 1000),
  };
}

/**
 * Serves `metrics` at http://ADDRESS/metrics in Prometheus's text format until it is closed.
 * @param address host:port, such as 127.0.0.1:9809 or [::]:9809
 * @throws StowageError 'invalid' where the address is malformed, 'unavailable' where it cannot be listened on
 */
export async function serveMetrics(address: string, metrics: Metrics): Promise<MetricsServer> {
  const { host, port } = parseAddress(address);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('see /metrics\n');
      return;
    }
    void answer(metrics, response);
  });
  server.unref(); // metrics alone keep no process alive
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new StowageError('unavailable', `cannot serve metrics on ${address}: ${cause.message}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  return { port: portOf(server), close: () => close(server) };
}

async function answer({ registry, text: read }: Metrics, response: ServerResponse): Promise<void> {
  try {
    const text = await read();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch (error) {
    response.writeHead(500).end(`${String(error)}\n`);
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]]+)):(?<port>\d{1,5})$/.exec(address);
  const host = match?.groups?.ipv6 ?? match?.groups?.name;
  const port = Number(match?.groups?.port);
  if (host === undefined || port > 65535) {
    throw new StowageError('invalid', `metrics address "${address}" is not host:port, such as 127.0.0.1:9809`);
  }
  return { host, port };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
