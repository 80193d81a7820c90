import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

const KILL_GRACE_MS = 10_000;

/**
 * Runs a program, with this process's output or with a file's, in a process group of its own, which is ended at the limit or when this
 * process is told to end.
 * @returns {Promise<{exitCode: number, problem?: string}>}
 */
export async function run(program, args, { limitMs, env = {}, outputFile }) {
  const output = outputFile === undefined ? 'inherit' : openSync(outputFile, 'w');
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
  });
  const timers = [];
  let problem;
  const end = (why) => {
    problem ??= why;
    signalGroup(child.pid, 'SIGTERM');
    timers.push(setTimeout(() => signalGroup(child.pid, 'SIGKILL'), KILL_GRACE_MS));
  };
  const interrupted = () => end('interrupted');
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, interrupted);
  timers.push(setTimeout(() => end(`not done after ${limitMs / 1000} s`), limitMs));
  const exitCode = await new Promise((resolve) => {
    child.once('error', (error) => {
      problem = error.message;
      resolve(127);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
  if (outputFile !== undefined) closeSync(output);
  for (const timer of timers) clearTimeout(timer);
  for (const name of ['SIGINT', 'SIGTERM']) process.off(name, interrupted);
  return { exitCode, problem };
}

function signalGroup(pid, signal) {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has just ended
  }
}
