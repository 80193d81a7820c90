import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';

const SCRIPT = resolve('dist/stowage.cjs');
const WALK_TIMEOUT_MS = 180_000;
const FOLDER = /\S*\/stowage-demo-\w+/;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Called with all output so far; `hangUp` closes the pipe to which it goes. */
type OnOutput = (output: string, pid: number, hangUp: () => void) => void;

/** Runs the demonstration; `onOutput` may end it by its process id. */
function demo(args: readonly string[], onOutput: OnOutput = () => undefined): Promise<Ended> {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, [SCRIPT, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const { pid } = child;
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      if (pid !== undefined) onOutput(output, pid, () => child.stdout.destroy());
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (exitCode) => settle({ exitCode, output }));
  });
}

/** Every trace of the working folder that the output names: mounts, loop devices, processes and the folder itself. */
async function tracesOf(output: string): Promise<string[]> {
  const folder = FOLDER.exec(output)?.[0];
  if (folder === undefined) throw new Error(`the output names no working folder:\n${output}`);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const loops = await textsOf('/sys/block', 'loop/backing_file');
  const processes = (await textsOf('/proc', 'cmdline')).map((text) => text.replaceAll('\0', ' '));
  const files = await readdir(dirname(folder));
  return [
    ...[...mounts, ...loops, ...processes].filter((text) => text.includes(folder)),
    ...files.filter((name) => name === basename(folder)),
  ];
}

/** The text of this file in each subfolder that has it. */
async function textsOf(parent: string, file: string): Promise<string[]> {
  const texts = (await readdir(parent)).map((name) => readFile(join(parent, name, file), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).filter((text) => text !== '');
}

describe('stowage demo', () => {
  it(
    'walks a volume through every RPC and leaves nothing behind',
    async () => {
      const { exitCode, output } = await demo([]);
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      for (const rpc of [
        ...['GetPluginInfo', 'GetPluginCapabilities', 'Probe', 'NodeGetInfo', 'GetCapacity', 'CreateVolume'],
        ...['ControllerPublishVolume', 'NodeStageVolume', 'NodePublishVolume', 'CreateSnapshot', 'NodeGetVolumeStats'],
        ...['ControllerExpandVolume', 'NodeExpandVolume', 'ListVolumes', 'ListSnapshots', 'NodeUnpublishVolume'],
        ...['NodeUnstageVolume', 'ControllerUnpublishVolume', 'DeleteVolume', 'DeleteSnapshot'],
      ])
        expect(output).toContain(`> ${rpc}`);
      expect(output).toContain('all 3 files of demo-restored are what was written');
      expect(output).toContain('all 3 files of demo-clone are what was written');
      expect(output).toContain('Nothing left behind');
      expect(output).not.toContain('\u001b'); // no colours where the output is no terminal
      expect(await tracesOf(output)).toEqual([]);
    },
    WALK_TIMEOUT_MS,
  );

  it(
    'ends in order at SIGINT, wherever it is',
    async () => {
      let sent = false;
      const { exitCode, output } = await demo([], (text, pid) => {
        if (sent || !text.includes('> NodePublishVolume')) return;
        sent = true;
        process.kill(pid, 'SIGINT');
      });
      expect({ exitCode, output }).toMatchObject({ exitCode: 130 });
      expect(output).toContain('Nothing left behind');
      expect(await tracesOf(output)).toEqual([]);
    },
    WALK_TIMEOUT_MS,
  );

  it(
    'ends in order where the reader of its output goes away',
    async () => {
      const { output } = await demo([], (text, _pid, hangUp) => {
        if (text.includes('> CreateVolume')) hangUp();
      });
      expect(await tracesOf(output)).toEqual([]);
    },
    WALK_TIMEOUT_MS,
  );

  it(
    'keeps the driver running with --keep until SIGINT',
    async () => {
      let driverAnswered = false;
      let sent = false;
      const { exitCode, output } = await demo(['--keep'], (text, pid) => {
        if (sent || !text.includes('Ctrl-C ends the driver')) return;
        sent = true;
        driverAnswered = /socket {3}unix:\/\/\S+\/csi\.sock/.test(text);
        void sleep(100).then(() => process.kill(pid, 'SIGINT'));
      });
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      expect(driverAnswered).toBe(true);
      expect(output).toContain('Nothing left behind');
      expect(await tracesOf(output)).toEqual([]);
    },
    WALK_TIMEOUT_MS,
  );
});
