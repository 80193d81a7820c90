import { join } from 'node:path';
import { type CsiClient, connectCsi } from '../../csi/client.ts';
import { services } from '../../csi/services.ts';
import { messageOf } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import { type Finding, NOTE } from './finding.ts';

/** Where the driver's socket is in the chart's containers. */
const IN_CONTAINER = '/csi/csi.sock';
const PROBE_MS = 5_000;

/** The driver's sockets: of CSI, by which sidecars and kubelet ask it, and of its registration with the kubelet. */
export async function checkSockets(
  files: Files,
  { name }: { readonly name: string },
  kubelets: readonly string[],
): Promise<Finding[]> {
  const places = [
    process.env.CSI_ENDPOINT?.replace(/^unix:(\/\/)?/, ''),
    IN_CONTAINER,
    ...kubelets.map((folder) => join(folder, 'plugins', name, 'csi.sock')),
  ];
  const there = await firstSocket(
    files,
    places.filter((place) => place !== undefined && place !== ''),
  );
  return [
    await checkCsiSocket(there),
    ...(await Promise.all(kubelets.map((folder) => checkRegistration(files, folder, name)))).flat(),
  ];
}

async function firstSocket(files: Files, places: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const place of places) if (place !== undefined && (await files.stat(place)) !== undefined) return place;
  return undefined;
}

async function checkCsiSocket(path: string | undefined): Promise<Finding> {
  const what = 'CSI socket';
  if (path === undefined)
    return {
      what,
      found: '-',
      remarks: [`${NOTE} there is none: the driver makes it when it starts (set CSI_ENDPOINT to look elsewhere)`],
    };
  const client = connectCsi(path);
  try {
    return { what, found: path, remarks: await probe(client) };
  } finally {
    client.close();
  }
}

async function probe(client: CsiClient): Promise<string[]> {
  try {
    const { ready } = await client.call(services.identity.Probe, {}, { timeoutMs: PROBE_MS });
    return ready?.value === true
      ? []
      : ['the driver still recovers what an earlier process left: wait, and see its log'];
  } catch (error) {
    return [`no driver answers there: ${messageOf(error)}; is it running? See its log`];
  }
}

async function checkRegistration(files: Files, kubelet: string, name: string): Promise<Finding[]> {
  const folder = join(kubelet, 'plugins_registry');
  if ((await files.stat(folder)) === undefined) return []; // this container does not see it
  const found = join(folder, `${name}-reg.sock`);
  const isThere = (await files.stat(found)) !== undefined;
  const remarks = isThere
    ? []
    : [`${NOTE} the kubelet does not know of the driver: node-driver-registrar makes this socket`];
  return [{ what: 'registration', found, remarks }];
}
