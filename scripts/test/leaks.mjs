import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OURS = /stowage/;

/** What tests can leave behind on this machine: mounts, loop devices and temporary folders with our name. */
export function findTraces() {
  return new Set([...mounts(), ...loopDevices(), ...temporaryFolders()]);
}

/** What is here now and was not in `before`. */
export function newTraces(before) {
  return [...findTraces()].filter((trace) => !before.has(trace));
}

function mounts() {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => OURS.test(line)).map((line) => `mount ${line.split(' ')[4]}`);
}

function loopDevices() {
  return readdirSync('/sys/block').flatMap((name) => {
    const file = name.startsWith('loop') ? readIfThere(join('/sys/block', name, 'loop/backing_file')) : '';
    return OURS.test(file) ? [`/dev/${name} on ${file.trim()}`] : [];
  });
}

function temporaryFolders() {
  return readdirSync(tmpdir())
    .filter((name) => OURS.test(name))
    .map((name) => join(tmpdir(), name));
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}
