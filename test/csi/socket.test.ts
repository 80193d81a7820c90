import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import { socketPath } from '../../src/csi/socket.ts';
import { type Serving, serving } from './support/serving.ts';

let at: Serving;
beforeEach(async () => {
  at = await serving();
});
afterEach(() => at.end());

/** A socket file whose server is gone, as after SIGKILL. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  const code = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => execFile(process.execPath, ['-e', code, path], resolve));
}

describe('the socket', () => {
  it('is made with mode 0600, alone in its folder, and removed at stop', async () => {
    const server = await at.start();
    expect((await stat(at.path)).mode & 0o7777).toBe(0o600);
    expect(await readdir(at.folder)).toEqual(['csi.sock']);
    await server.stop(0);
    expect(await readdir(at.folder)).toEqual([]);
  });

  it('replaces a stale one, and what a process with our pid left half made', async () => {
    await leaveStaleSocket(at.path);
    await leaveStaleSocket(join(at.folder, `.${process.pid.toString(36)}`));
    await at.start();
    expect(await at.connect().call(services.identity.Probe, {})).toEqual({ ready: { value: true } });
    expect(await readdir(at.folder)).toEqual(['csi.sock']);
  });

  it('refuses a live one, which goes on', async () => {
    await at.start();
    await expect(at.start()).rejects.toMatchObject({ code: 'precondition', message: expect.stringContaining(at.path) });
    expect(await at.connect().call(services.identity.Probe, {})).toEqual({ ready: { value: true } });
  });

  it.each([
    ['a file', (path: string) => writeFile(path, 'precious')],
    ['a folder', (path: string) => mkdir(path)],
    ['a link', (path: string) => symlink('elsewhere.sock', path)],
  ])('refuses %s and leaves it alone', async (_label, make) => {
    await make(at.path);
    await expect(at.start()).rejects.toMatchObject({ code: 'precondition' });
    expect(await readdir(at.folder)).toEqual(['csi.sock']);
  });

  it('refuses a folder that is missing', async () => {
    await expect(at.start({}, { endpoint: join(at.folder, 'no', 'csi.sock') })).rejects.toMatchObject({
      code: 'precondition',
      message: expect.stringContaining(join(at.folder, 'no')),
    });
  });

  it('stays where a successor took the path', async () => {
    const server = await at.start();
    const { rename } = await import('node:fs/promises');
    const successor: Server = createServer();
    const next = join(at.folder, 'next');
    await new Promise<void>((resolve) => successor.listen(next, resolve));
    await rename(next, at.path);
    await server.stop(0);
    expect(await readdir(at.folder)).toEqual(['csi.sock']);
    await new Promise((resolve) => successor.close(resolve));
  });
});

describe('socketPath', () => {
  it.each(['/run/csi.sock', 'unix:///run/csi.sock', 'unix:/run/csi.sock'])('takes %s', (endpoint) => {
    expect(socketPath(endpoint)).toBe('/run/csi.sock');
  });

  it.each([
    '',
    'csi.sock',
    'unix://csi.sock',
    '/run/csi',
    'tcp://127.0.0.1:9000',
    `/${'a'.repeat(110)}.sock`,
    '/a\0.sock',
  ])('refuses %j', (endpoint) => {
    expect(() => socketPath(endpoint)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});
