import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Scenario, Served } from './scenarios.ts';

/** What the driver and csi-sanity are given, in one folder. */
export interface Files {
  readonly config: string;
  readonly socket: string;
  readonly secrets: string;
  readonly parameters: string;
  readonly mutableParameters: string;
  readonly driverLog: string;
  readonly stagingDir: string;
  readonly mountDir: string;
}

/** Must show nowhere in the driver's log. */
export const SECRET = 'sanity-secret-do-not-log';

const POOL_NAME = 'sanity';
const MAX_VOLUMES_PER_NODE = 5; // csi-sanity creates one more, each of full size

const CALLS_WITH_SECRETS = [
  'CreateVolume',
  'DeleteVolume',
  'ControllerPublishVolume',
  'ControllerUnpublishVolume',
  'ControllerValidateVolumeCapabilities',
  'NodeStageVolume',
  'NodePublishVolume',
  'CreateSnapshot',
  'DeleteSnapshot',
  'ControllerExpandVolume',
  'ControllerModifyVolume',
  'ListSnapshots',
  'GetSnapshot',
];

export async function writeFiles(folder: string, scenario: Scenario, poolPath: string): Promise<Files> {
  const files: Files = {
    config: join(folder, 'stowage.yaml'),
    socket: join(folder, 'csi.sock'),
    secrets: join(folder, 'secrets.yaml'),
    parameters: join(folder, 'parameters.yaml'),
    mutableParameters: join(folder, 'mutable.yaml'),
    driverLog: join(folder, 'driver.log'),
    stagingDir: join(folder, 'staging'),
    mountDir: join(folder, 'mount'),
  };
  const { config, parameters, secret = {} } = scenario.driver?.(poolPath) ?? localDriver(scenario, poolPath);
  const common = { stateDir: join(folder, 'state'), maxVolumesPerNode: MAX_VOLUMES_PER_NODE };
  const secrets = { key: SECRET, ...secret };
  const contents: [string, unknown][] = [
    [files.config, { ...common, ...config }],
    [files.secrets, Object.fromEntries(CALLS_WITH_SECRETS.map((call) => [`${call}Secret`, secrets]))],
    [files.parameters, parameters],
    [files.mutableParameters, { onDelete: 'delete' }],
  ];
  for (const [file, content] of contents) await writeFile(file, stringify(content));
  return files;
}

function localDriver({ backend, settings }: Scenario, path: string): Served {
  const keys = typeof settings === 'function' ? settings(path) : settings;
  const pool = { name: POOL_NAME, backend, path, trashBytesPerSecond: 0, ...keys };
  return { config: { driver: 'local', pools: [pool] }, parameters: { pool: POOL_NAME } };
}
