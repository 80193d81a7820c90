import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly endpoint: string | undefined; // a foreign driver's socket; undefined: ours is started
  readonly pid: number | undefined; // the foreign driver's process, for its memory
  readonly parameters: Readonly<Record<string, string>>; // the foreign driver's, for CreateVolume
  readonly jsonFile: string | undefined;
  readonly folder: string | undefined; // where the directory pool lies
  readonly dataPathOnly: boolean;
  readonly callsOnly: boolean; // of each backend
  readonly nfs: boolean; // share mode instead
  readonly nfsDead: boolean; // a dead server instead
  readonly nfsTakeover: boolean; // volumes taken from a node that uses them, instead
  readonly storageClasses: readonly string[]; // in a cluster, instead; none: not
  readonly backends: readonly string[]; // of the data path and of calls; none: all
  readonly sizes: Sizes;
}

/** How much is measured. */
export interface Sizes {
  readonly existingVolumes: readonly number[];
  readonly inFlight: readonly number[];
  readonly volumes: number; // of a round with one call in flight
  readonly backendVolumes: number; // that of each backend
  readonly rounds: number;
  readonly starts: number;
  readonly snapshots: number;
  readonly records: number;
  readonly deadServerLives: number; // of volumes of another server, before and after
  readonly takeovers: number; // of volumes, from node to node; of a database a quarter
  readonly dataPath: DataPathSizes;
  readonly nfs: NfsSizes;
  readonly cluster: ClusterSizes;
}

export interface ClusterSizes {
  readonly rounds: number;
  readonly manyPods: number; // at once
  readonly manyRounds: number;
}

export interface NfsSizes extends Pick<Sizes, 'existingVolumes' | 'inFlight' | 'volumes' | 'rounds'> {
  readonly manyVolumes: number; // made at once
  readonly manyInFlight: number;
  readonly trees: number;
  readonly treeBytes: number;
}

export interface DataPathSizes {
  readonly rounds: number;
  readonly runtimeSeconds: number; // of each job
  readonly fileBytes: number;
  readonly copies: number;
  readonly copyBytes: number;
}

const MIB = 1024 ** 2;

const FULL: Sizes = {
  existingVolumes: [0, 1000, 10_000],
  inFlight: [1, 8, 64],
  volumes: 100,
  backendVolumes: 30,
  rounds: 6,
  starts: 9,
  snapshots: 9,
  records: 100_000,
  deadServerLives: 60,
  takeovers: 20,
  dataPath: { rounds: 12, runtimeSeconds: 1, fileBytes: 128 * MIB, copies: 5, copyBytes: 1024 * MIB },
  nfs: {
    ...{ existingVolumes: [0, 1000], inFlight: [1, 8], volumes: 30, rounds: 5 },
    ...{ manyVolumes: 1000, manyInFlight: 64, trees: 5, treeBytes: 256 * MIB },
  },
  cluster: { rounds: 20, manyPods: 100, manyRounds: 3 },
};

const QUICK: Sizes = {
  existingVolumes: [0, 1000],
  inFlight: [1, 8, 64],
  volumes: 40,
  backendVolumes: 20,
  rounds: 4,
  starts: 4,
  snapshots: 3,
  records: 20_000,
  deadServerLives: 20,
  takeovers: 12,
  dataPath: { rounds: 4, runtimeSeconds: 1, fileBytes: 64 * MIB, copies: 2, copyBytes: 1024 * MIB },
  nfs: {
    ...{ existingVolumes: [0, 200], inFlight: [1], volumes: 20, rounds: 3 },
    ...{ manyVolumes: 1000, manyInFlight: 64, trees: 3, treeBytes: 256 * MIB },
  },
  cluster: { rounds: 8, manyPods: 40, manyRounds: 1 },
};

/** For developing the benchmark itself: seconds. */
const TINY: Sizes = {
  existingVolumes: [0, 20],
  inFlight: [1, 8],
  volumes: 6,
  backendVolumes: 3,
  rounds: 2,
  starts: 1,
  snapshots: 1,
  records: 200,
  deadServerLives: 2,
  takeovers: 1,
  dataPath: { rounds: 1, runtimeSeconds: 1, fileBytes: 32 * MIB, copies: 1, copyBytes: 32 * MIB },
  nfs: {
    ...{ existingVolumes: [0, 20], inFlight: [1], volumes: 5, rounds: 1 },
    ...{ manyVolumes: 20, manyInFlight: 8, trees: 1, treeBytes: 32 * MIB },
  },
  cluster: { rounds: 1, manyPods: 3, manyRounds: 1 },
};

export const HELP = `npm run bench -- [options]
  --endpoint PATH      measure the driver at this UNIX socket, which runs already, instead of starting Stowage
  --pid PID            that driver's process, to show its memory
  --parameter KEY=VAL  a parameter of its CreateVolume; may be repeated
  --folder PATH        where the pools are made (default: the temporary folder)
  --data-path          only what is read and written through volumes, and their copies (needs fio)
  --calls              only each backend's calls, one at a time
  --nfs                only share mode of the NFS driver (in the lab)
  --nfs-dead           only what a dead NFS server does to calls (in the lab)
  --nfs-takeover       only how long it takes to take an NFS volume from a node that uses it, to the next one (in the lab)
  --cluster CLASS      only claims with pods of this StorageClass, in the cluster that kubectl reaches; repeated, classes are compared with the last one
  --backend NAME       of the data path or of calls, this backend only; may be repeated
  --quick              8 to 10 minutes: fewer rounds, no 10,000 volumes
  --tiny               seconds, to try the benchmark itself: its figures mean nothing
  --json FILE          write everything that was measured
`;

/** Reads the command line. Throws TypeError for unknown options. */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      endpoint: { type: 'string' },
      pid: { type: 'string' },
      parameter: { type: 'string', multiple: true, default: [] },
      folder: { type: 'string' },
      json: { type: 'string' },
      'data-path': { type: 'boolean', default: false },
      calls: { type: 'boolean', default: false },
      nfs: { type: 'boolean', default: false },
      'nfs-dead': { type: 'boolean', default: false },
      'nfs-takeover': { type: 'boolean', default: false },
      cluster: { type: 'string', multiple: true, default: [] },
      backend: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      tiny: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const parameters = values.parameter.map((text): [string, string] => {
    const [key = '', ...value] = text.split('=');
    return [key, value.join('=')];
  });
  return {
    endpoint: values.endpoint,
    pid: values.pid === undefined ? undefined : Number(values.pid),
    parameters: Object.fromEntries(parameters),
    jsonFile: values.json,
    folder: values.folder,
    dataPathOnly: values['data-path'],
    callsOnly: values.calls,
    nfs: values.nfs,
    nfsDead: values['nfs-dead'],
    nfsTakeover: values['nfs-takeover'],
    storageClasses: values.cluster,
    backends: values.backend,
    sizes: values.tiny ? TINY : values.quick ? QUICK : FULL,
  };
}
