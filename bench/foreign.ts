import { join } from 'node:path';
import { connectCsi } from '../src/csi/client.ts';
import { services } from '../src/csi/services.ts';
import { nullDriver, residentBytes, start } from './drivers.ts';
import type { BenchOptions } from './options.ts';
import { subjectOf } from './ours.ts';
import { CALLS_ALONE, type Results } from './results.ts';
import { empty, measureRounds, say } from './rounds.ts';

/** A driver that runs already: its rounds against the null driver. What was created there is deleted again. */
export async function benchForeign(folder: string, options: BenchOptions, endpoint: string): Promise<Results> {
  const yardstick = await start(await nullDriver(join(folder, 'null')));
  const client = connectCsi(endpoint);
  try {
    const { name } = await client.call(services.identity.GetPluginInfo, {});
    const { nodeId } = await client.call(services.node.NodeGetInfo, {});
    const { parameters, pid, sizes } = options;
    const foreign = { name, client, nodeId, parameters, pid, kubeletFolder: join(folder, 'kubelet', 'foreign') };
    const { measurements, standing } = await measureRounds(foreign, subjectOf('null', yardstick, folder, {}), sizes);
    if (pid !== undefined) say(`memory of ${name}: ${((await residentBytes(pid)) / 1024 ** 2).toFixed(1)} MiB`);
    await empty(foreign, standing);
    return { ...CALLS_ALONE, subject: name, measurements };
  } finally {
    client.close();
    await yardstick.stop();
  }
}
