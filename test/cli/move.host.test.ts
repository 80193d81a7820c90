import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CsiClient, connectCsi } from '../../src/csi/client.ts';
import { services } from '../../src/csi/services.ts';
import { loopsBeneath, MIB, mountPointsBeneath, unmountBeneath } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const SCRIPT = resolve('dist/stowage.cjs');
const CAPABILITY = { mount: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
const FILES = 3000;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs the built program as a user does. `onOutput` gets all output so far. */
function stowage(args: readonly string[], onOutput: (output: string, child: ChildProcess) => void = () => undefined) {
  return new Promise<Ended>((settle, reject) => {
    const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      onOutput(output, child);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (exitCode) => settle({ exitCode, output }));
  });
}

describe('stowage move', () => {
  let folder: string;
  let images: TestPool;
  let folders: TestPool;
  let config: string;
  let server: ChildProcess | undefined;
  let client: CsiClient;
  let id: string;
  const inFolder = (...names: string[]) => join(folder, ...names);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-cli-move-'));
    images = await makePool('xfs', 400 * MIB);
    folders = await makePool('folder');
    config = inFolder('config.yaml');
    const pools = [
      `  - {name: images, backend: image, path: ${images.path}, requireMount: true}`,
      `  - {name: folders, backend: directory, path: ${folders.path}, quota: advisory}`,
    ];
    await writeFile(config, ['driver: local', `stateDir: ${inFolder('state')}`, 'pools:', ...pools, ''].join('\n'));
    for (const name of ['state', 'staging', 'targets']) await mkdir(inFolder(name));
    client = connectCsi(inFolder('csi.sock'));
    await start();
    const { volume } = await client.call(services.controller.CreateVolume, {
      name: 'pvc-1',
      capacityRange: { requiredBytes: 64 * MIB },
      volumeCapabilities: [CAPABILITY],
      parameters: { pool: 'folders' },
    });
    id = volume?.volumeId ?? '';
    await use((path) => sh('mkdir "$1/many"; cd "$1/many"; seq -w "$2" | split -l 1; sync -f .', path, String(FILES)));
  }, 60_000);

  afterAll(async () => {
    client?.close();
    await end('SIGKILL');
    await unmountBeneath(folder);
    await images?.cleanup();
    await folders?.cleanup();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  async function start(): Promise<void> {
    const args = ['--config', config, '--endpoint', inFolder('csi.sock'), '--node-id', 'node-1'];
    server = spawn(process.execPath, [SCRIPT, 'serve', ...args], { stdio: 'ignore' });
    for (const untilMs = Date.now() + READY_TIMEOUT_MS; ; ) {
      const probe = client.call(services.identity.Probe, {}, { timeoutMs: 1000 });
      if (await probe.then(({ ready }) => ready?.value === true).catch(() => false)) return;
      if (Date.now() > untilMs) throw new Error('the driver is not ready');
      await sleep(POLL_MS);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  const stage = { volumeCapability: CAPABILITY, volumeContext: {} };
  const staging = () => ({ volumeId: id, stagingTargetPath: inFolder('staging') });
  const target = () => ({ volumeId: id, targetPath: inFolder('targets', 'look') });

  /** Stages and publishes the volume, and undoes both. */
  async function use<T>(work: (path: string) => Promise<T>): Promise<T> {
    await untilFree(() => client.call(services.node.NodeStageVolume, { ...staging(), ...stage }));
    await client.call(services.node.NodePublishVolume, { ...staging(), ...target(), ...stage });
    try {
      return await work(target().targetPath);
    } finally {
      await client.call(services.node.NodeUnpublishVolume, target());
      await client.call(services.node.NodeUnstageVolume, staging());
    }
  }

  /** As an orchestrator: ABORTED says that another call still has the volume, here a move that is being undone. */
  async function untilFree<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === status.ABORTED)) throw error;
        await sleep(POLL_MS);
      }
    }
  }

  function sh(script: string, ...args: string[]): Promise<string> {
    return new Promise((settle, reject) => {
      execFile('sh', ['-ec', script, 'sh', ...args], (error, stdout) => (error ? reject(error) : settle(stdout)));
    });
  }

  const content = () => use((path) => sh('cd "$1"; find . -type f -exec sha256sum {} + | sort | sha256sum', path));
  const move = (pool: string, onOutput?: Parameters<typeof stowage>[1]) =>
    stowage(['move', 'pvc-1', '--to', pool, '--config', config], onOutput);
  const poolOf = async () => {
    const { output } = await stowage(['ls', '--config', config]);
    return new RegExp(`^(\\w+) +volume +ready .*${id}`, 'm').exec(output)?.[1];
  };

  async function filesLeft(): Promise<string[]> {
    const places = ['.stowage/tmp', '.stowage/trash'].flatMap((name) =>
      [images, folders].map(({ path }) => join(path, name)),
    );
    const left = [...places, inFolder('state', 'move')].map((place) => readdir(place).catch(() => []));
    return (await Promise.all(left)).flat();
  }

  async function expectNothingLeft(): Promise<void> {
    while ((await filesLeft()).length > 0) await sleep(POLL_MS); // the trash is emptied in the background
    expect([await mountPointsBeneath(inFolder('state')), await loopsBeneath(images.path)]).toEqual([[], []]);
    expect((await stowage(['gc', '--config', config])).output).toContain('nothing found');
  }

  it('is refused while the volume is staged, in words, and changes nothing', async () => {
    await use(async () => {
      const { exitCode, output } = await move('images');
      expect(output).toMatch(/^stowage: volume \S+ is mounted at \S+; unpublish and unstage it first$/m);
      expect(exitCode).toBe(1);
    });
    expect(await poolOf()).toBe('folders');
    await expectNothingLeft();
  });

  it('says what it does not know', async () => {
    expect((await move('image')).output).toMatch(/no pool "image" \(did you mean images\?\)/);
    const none = await stowage(['move', 'pvc-2', '--to', 'images', '--config', config]);
    expect(none.output).toMatch(/no volume of id or name "pvc-2"/);
    expect(none.exitCode).toBe(1);
  });

  it('is undone when it is interrupted', async () => {
    const before = await content();
    const { exitCode, output } = await move('images', (text, child) => {
      if (text.includes('copying') && !child.killed) child.kill('SIGINT');
    });
    expect(output).toContain('interrupted');
    expect(output).not.toContain('    at ');
    expect(exitCode).toBe(1);
    expect(await content()).toBe(before);
    expect(await poolOf()).toBe('folders');
  }, 30_000);

  it('survives the death of the driver, and ends when it is said again', async () => {
    const before = await content();
    const { exitCode, output } = await move('images', (text) => {
      if (text.includes('copying')) server?.kill('SIGKILL');
    });
    expect(output).toMatch(/^stowage: the driver stopped before the volume was moved/m);
    expect(exitCode).toBe(1);
    await end('SIGKILL');
    await start();
    expect(await content()).toBe(before);
    const again = await move('images');
    expect(again.output).toMatch(new RegExp(`^volume ${id} is in pool images, after`, 'm'));
    expect(await poolOf()).toBe('images');
    expect(await content()).toBe(before);
    expect((await move('images')).output).toContain('already');
    await expectNothingLeft();
  }, 60_000);

  it('takes commands of root alone, and short ones', async () => {
    const socketPath = inFolder('state', 'admin.sock');
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    const ask = (method: string, path: string, body: string) =>
      new Promise<number | undefined>((settle, reject) => {
        const sent = request({ socketPath, method, path }, (response) => settle(response.resume().statusCode));
        sent.once('error', reject);
        sent.end(body);
      });
    expect(await ask('POST', '/move', 'x'.repeat(5000))).toBe(413);
    expect(await ask('POST', '/move', '{"volume":"pvc-1"}')).toBe(400);
    expect(await ask('POST', '/move', '{"volume":"pvc-1","pool":"images","more":1}')).toBe(400);
    expect(await ask('GET', '/move', '')).toBe(405);
    expect(await ask('POST', '/', '')).toBe(404);
  });

  it('works without a driver, and removes what a dead one left', async () => {
    const before = await content();
    await end('SIGKILL');
    const unnamed = await move('folders');
    expect(unnamed.output).toContain('--node-id');
    const moved = await stowage(['move', id, '--to', 'folders', '--config', config, '--node-id', 'node-1']);
    expect(moved.output).toMatch(/is in pool folders, after/);
    expect(moved.exitCode).toBe(0);
    await start();
    expect(await content()).toBe(before);
    await client.call(services.controller.DeleteVolume, { volumeId: id });
  }, 60_000);
});
