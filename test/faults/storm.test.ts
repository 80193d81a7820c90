import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { connectCsi } from '../../src/csi/client.ts';
import { services } from '../../src/csi/services.ts';
import { type BackendName, makePlace, type Place } from './place.ts';
import { SEED, seeded, seedOf } from './random.ts';
import { crash, start } from './running.ts';
import { makeServer, type Server } from './server.ts';
import { sweep } from './sweep.ts';
import { type Kept, type User, use } from './user.ts';
import { SIZE_BYTES } from './verbs.ts';
import { digestOf, look } from './world.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const KILLS = isFull ? 200 : 12;
const USERS = 8;
const LIFE_MAX_MS = 600; // from ready to killed
const ANSWERS_A_LIFE = 8; // at least, in the mean
const POLL_MS = 10;
const TIMEOUT_MS = isFull ? 1_200_000 : 120_000;

describe.each(['image', 'directory', 'btrfs'] as const)(
  '%s: a driver killed again and again',
  (backend: BackendName) => {
    let place: Place | undefined;
    let server: Server | undefined;
    afterAll(async () => {
      await server?.kill().catch(() => undefined); // it has ended, where the test passed
      await place?.cleanup();
    });

    it(
      `keeps what it answered, for ${USERS} users and through ${KILLS} kills (seed ${SEED})`,
      async () => {
        place = await makePlace(backend);
        server = await makeServer(place);
        await server.start();
        const users = await storm(place, server);
        const listed = await list(server.socket);
        expect(await server.stop()).toBe(0);
        checkListed(users, listed, SIZE_BYTES[kindOf(place)]);
        await checkPool(place, users);
        await place.cleanup();
      },
      TIMEOUT_MS,
    );
  },
);

function kindOf({ backend }: Place): 'block' | 'folder' {
  return backend === 'image' ? 'block' : 'folder';
}

/** Kills and starts the server while its users work. */
async function storm(place: Place, server: Server): Promise<User[]> {
  const end = new AbortController();
  let answered = 0;
  const random = seeded(seedOf('kills'));
  const clients = Array.from({ length: USERS }, () => connectCsi(server.socket));
  const kind = kindOf(place);
  const users = clients.map((csi, index) =>
    use(place, csi, kind, {
      prefix: `user${index}`,
      random: seeded(seedOf(`user${index}`)),
      signal: end.signal,
      onAnswer: () => answered++,
    }),
  );
  const failed = Promise.all(users).then(() => undefined); // settles early only where one fails
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await Promise.race([sleep(random.below(LIFE_MAX_MS)), failed]);
      // Some lives end before their first answer, but not all of them, on a slow machine either.
      while (answered < (kill + 1) * ANSWERS_A_LIFE) await Promise.race([sleep(POLL_MS), failed]);
      await server.kill();
      await server.start();
    }
  } finally {
    end.abort();
    await Promise.allSettled(users);
    for (const client of clients) client.close();
  }
  return Promise.all(users);
}

async function list(socket: string): Promise<{ volumes: Map<string, number>; snapshots: Set<string> }> {
  const client = connectCsi(socket);
  try {
    const { entries } = await client.call(services.controller.ListVolumes, {});
    const volumes = entries.flatMap(({ volume }) =>
      volume === null ? [] : [[volume.volumeId, Number(volume.capacityBytes)] as const],
    );
    const snapshots = (await client.call(services.controller.ListSnapshots, {})).entries;
    return {
      volumes: new Map(volumes),
      snapshots: new Set(snapshots.flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot.snapshotId]))),
    };
  } finally {
    client.close();
  }
}

/** What was answered is there, as large as it was asked for, and nothing else is. */
function checkListed(users: readonly User[], listed: Awaited<ReturnType<typeof list>>, sizeBytes: number): void {
  const idsOf = (of: (user: User) => Map<string, Kept>) =>
    users.flatMap((user) => [...of(user).values()].map(({ id }) => id)).sort();
  expect([...listed.volumes.keys()].sort()).toEqual(idsOf(({ volumes }) => volumes));
  expect([...listed.snapshots].sort()).toEqual(idsOf(({ snapshots }) => snapshots));
  expect([...listed.volumes.values()].filter((bytes) => bytes !== sizeBytes)).toEqual([]);
}

/** Every content is what it was, records and data fit together, and all goes when it is deleted. */
async function checkPool(place: Place, users: readonly User[]): Promise<void> {
  const running = await start(place);
  await running.driver.idle();
  const wrong: string[] = [];
  for (const user of users) {
    for (const [folder, kept] of [...entriesOf('volumes', user.volumes), ...entriesOf('snapshots', user.snapshots)]) {
      const record = running.driver.catalog[folder === 'volumes' ? 'volume' : 'snapshot'](kept.id);
      const path = join(place.pool, folder, record?.folder ?? 'missing');
      const file = place.backend === 'image' ? `${path}.img` : join(path, 'proof');
      const digest = await digestOf(file).catch(String);
      if (digest !== kept.digest) wrong.push(`${kept.name}: ${digest}, and was ${kept.digest}`);
    }
  }
  expect(wrong).toEqual([]);
  const { mounts, loops, problems, records, files } = await look(place, running.driver.catalog);
  expect({ mounts, loops, problems }).toEqual({ mounts: [], loops: [], problems: [] });
  const count = users.reduce((sum, { volumes, snapshots }) => sum + volumes.size + snapshots.size, 0);
  expect(records.length).toBe(count);
  expect(files.filter((name) => /^(volumes|snapshots|archive)\//.test(name)).length).toBe(count);
  const swept = await sweep(place, running, () => false);
  const { files: left } = await look(place, swept.driver.catalog);
  expect(left.filter((name) => /^(\.stowage\/.*\/|volumes\/|snapshots\/|archive\/)/.test(name))).toEqual([]);
  await crash(swept);
}

function entriesOf(folder: 'volumes' | 'snapshots', kept: ReadonlyMap<string, Kept>) {
  return [...kept.values()].map((value) => [folder, value] as const);
}
