import { writeSync } from 'node:fs';
import { messageOf } from '../../src/errors.ts';
import { type Order, parseOrder } from './order.ts';
import { newFaultyHost, start } from './running.ts';
import { SCENARIOS } from './scenarios.ts';

/** A process that does one operation of a scenario and is killed at a call to the host. Its answer comes on stdout, at once. */
async function main({ paths, scenario: name, state, effect, ordinal, how }: Order): Promise<void> {
  const scenario = SCENARIOS[paths.backend].find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const faulty = newFaultyHost(paths);
  const { driver, csi } = await start(paths, faulty);
  faulty.arm({ at: (call) => call.effect === effect && call.ordinal === ordinal, how });
  const value = await scenario.operate(csi, state, scenario.kind);
  writeSync(1, JSON.stringify({ ok: true, value }));
  await driver.idle();
  await driver.stop();
}

main(parseOrder(process.argv[2] ?? '')).catch((error: unknown) => {
  writeSync(2, `${messageOf(error)}\n`);
  process.exitCode = 1;
});
