// Runs before `helm uninstall`. Ends with status 1, and says why, while the cluster holds anything that needs the drivers
// named in DRIVERS: without them no such volume can be unmounted or deleted any more. Changes nothing.
import { readFile } from 'node:fs/promises';

// As the kubelet gives it to each pod: needs no DNS.
const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
const {
  API_SERVER = `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
  TOKEN_FILE = '',
  DRIVERS = '',
} = process.env;
const PAGE = 500;
const MAX_PAGES = 1000;
const TIMEOUT_MS = 30_000;
const SHOWN = 10;

const token = (await readFile(TOKEN_FILE, 'utf8')).trim();
const drivers = new Set(DRIVERS.split(','));

/** All objects at a path of the API; none where the cluster does not know the kind. */
async function list(path) {
  const found = [];
  let after = '';
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const url = `${API_SERVER}${path}?limit=${PAGE}&continue=${encodeURIComponent(after)}`;
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const { items, metadata } = await answer.json();
    found.push(...items);
    after = metadata?.continue ?? '';
    if (after === '') return found;
  }
  throw new Error(`${path}: more than ${PAGE * MAX_PAGES} objects`);
}

function report(what, names) {
  if (names.length === 0) return;
  console.error(`${names.length} ${what}: ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', ...' : ''}`);
}

const nameOf = ({ metadata }) => (metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name);
const volumes = (await list('/api/v1/persistentvolumes'))
  .filter(({ spec }) => drivers.has(spec.csi?.driver))
  .map(nameOf);
const snapshots = (await list('/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents'))
  .filter(({ spec }) => drivers.has(spec.driver))
  .map(nameOf);
const pods = (await list('/api/v1/pods'))
  .filter(({ spec }) => spec.volumes?.some(({ csi }) => drivers.has(csi?.driver)))
  .map(nameOf);

report('PersistentVolumes', volumes);
report('VolumeSnapshotContents', snapshots);
report('pods with inline volumes', pods);
if (volumes.length + snapshots.length + pods.length > 0) {
  console.error(
    `Still there, of ${[...drivers].join(' and ')}: without the driver they can be neither unmounted nor deleted.`,
  );
  console.error(
    'Delete them first. To uninstall all the same, and leave data and mounts as they are: helm uninstall --no-hooks',
  );
  process.exit(1);
}
console.log('No volume, snapshot or pod needs the drivers.');
