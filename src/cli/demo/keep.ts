import type { Running } from './setup.ts';
import { madeVolume, type Walk } from './walk.ts';

/** Says how to call the driver, and resolves at the walk's signal (Ctrl-C) or when the driver ends. */
export async function keepRunning(walk: Walk, { place, driver }: Running): Promise<void> {
  if (place === undefined || driver === undefined) throw new Error('no driver is running');
  const { data } = walk.volumes;
  const lines = [
    '',
    'The driver keeps running.',
    `  socket   unix://${place.socketPath}`,
    `  volume   ${madeVolume(walk, data).id}, published at ${data.targetPath}`,
    `  pool     ${walk.pool.path}`,
    `  log      ${place.logFile}`,
    'Write into the volume, or call the driver, with grpcurl for example, from a checkout:',
    `  grpcurl -plaintext -unix -import-path proto -proto csi.proto ${place.socketPath} csi.v1.Controller/ListVolumes`,
    'Ctrl-C ends the driver and removes everything.',
  ];
  for (const line of lines) walk.screen.line(line);
  while (!walk.signal.aborted && driver.running()) await pause(walk.signal);
  if (!walk.signal.aborted) throw new Error(`the driver ended by itself; see the end of ${place.logFile}`);
}

const LOOK_INTERVAL_MS = 500;

/** Half a second, or until the signal. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_INTERVAL_MS);
    signal.addEventListener('abort', done, { once: true });
  });
}
