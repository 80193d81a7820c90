import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../src/host/host.ts';
import type { Capability } from '../../src/volumes/requests.ts';
import { makeDriver, mount, signal, type TestDriver } from '../support/driver.ts';

/** A static volume as its PV has it. */
export interface Pv {
  readonly id: string;
  readonly path: string;
  readonly type?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface StaticDriver {
  readonly at: TestDriver;
  readonly allowed: string; // the folder that hostPaths names
  staging(pv: Pv): string;
  stage(pv: Pv, capability?: Capability): Promise<void>;
  unstage(pv: Pv): Promise<void>;
  publish(pv: Pv, target: string, options?: { capability?: Capability; readOnly?: boolean }): Promise<string>;
  unpublish(pv: Pv, target: string): Promise<void>;
  contextOf(pv: Pv): Record<string, string>;
  /** Another process of the driver, with the same config or other hostPaths. */
  restart(hostPaths?: string[]): Promise<void>;
}

/** A driver with one pool and one allowed folder of the host, `allowed`, beside `outside`. */
export async function makeStaticDriver(
  options: { wrap?: (host: Host) => Host; keys?: Record<string, unknown> } = {},
): Promise<StaticDriver> {
  const at = await makeDriver({
    pools: [{ name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } }],
    ...(options.wrap === undefined ? {} : { wrap: options.wrap }),
  });
  const allowed = join(at.folder, 'allowed');
  for (const name of ['allowed', 'outside']) await mkdir(join(at.folder, name));
  const restart = (hostPaths = [allowed]) => at.restart({ hostPaths, ...options.keys });
  await restart();
  const contextOf = ({ path, type, attributes }: Pv) => ({
    path,
    ...(type === undefined ? {} : { type }),
    ...attributes,
  });
  const staging = ({ id }: Pv) => join(at.folder, 'staging', id.replaceAll('/', '_'));
  return {
    at,
    allowed,
    staging,
    contextOf,
    restart,
    stage: (pv, capability = mount()) =>
      at.service.stage(
        { volumeId: pv.id, stagingPath: staging(pv), capability, volumeContext: contextOf(pv) },
        signal(),
      ),
    unstage: (pv) => at.service.unstage({ volumeId: pv.id, stagingPath: staging(pv) }, signal()),
    async publish(pv, target, { capability = mount(), readOnly = false } = {}) {
      const targetPath = at.target(target);
      await at.service.publish(
        {
          volumeId: pv.id,
          stagingPath: staging(pv),
          targetPath,
          capability,
          readOnly,
          volumeContext: contextOf(pv),
        },
        signal(),
      );
      return targetPath;
    },
    unpublish: (pv, target) => at.service.unpublish({ volumeId: pv.id, targetPath: at.target(target) }, signal()),
  };
}
