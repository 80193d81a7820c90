import type { Case } from '../case.ts';
import { claim, podWith, storageClass } from '../objects.ts';
import { DRIVER, type Stowage } from '../stowage.ts';
import { check, until } from '../wait.ts';

const EVENT_MS = 90_000;
const NAME = 'e2e-refused';

interface Wish {
  readonly what: string;
  readonly size: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly topology?: string;
  readonly bindingMode?: string;
  /** Whose events must match. */
  readonly says: RegExp;
  readonly of: 'pod' | 'pvc';
}

/** A claim that cannot be had: it waits, with an event that says why. */
function refusal(wish: Wish): Case {
  return {
    name: `refused: ${wish.what}`,
    async run(stowage) {
      const { cluster } = stowage;
      try {
        for (const object of objectsFor(wish)) await cluster.apply(object);
        const seen = await until(`an event says ${wish.says}`, EVENT_MS, async () => {
          const events = await cluster.events(`${wish.of}/${NAME}`);
          return wish.says.exec(events)?.[0];
        });
        check((await cluster.field(`pvc/${NAME}`, '{.status.phase}')) === 'Pending', 'the claim was bound');
        return seen;
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`, `storageclass/${NAME}`);
        await nothingMade(stowage);
      }
    },
  };
}

async function nothingMade({ nodes, records }: Stowage): Promise<void> {
  for (const node of nodes) check((await records(node)).length === 0, `node ${node} has a record`);
}

function objectsFor({ size, parameters = { pool: 'default' }, topology, bindingMode }: Wish): object[] {
  const topologies =
    topology === undefined
      ? {}
      : {
          allowedTopologies: [{ matchLabelExpressions: [{ key: `topology.${DRIVER}/node`, values: [topology] }] }],
        };
  return [
    storageClass(NAME, DRIVER, {
      parameters,
      volumeBindingMode: bindingMode ?? 'WaitForFirstConsumer',
      ...topologies,
    }),
    claim(NAME, { storageClass: NAME, size }),
    podWith(NAME),
  ];
}

export const refusalCases: readonly Case[] = [
  refusal({ what: 'more than any pool has', size: '100Ti', says: /did not have enough free storage/, of: 'pod' }),
  refusal({
    what: 'a pool that no node has',
    size: '1Gi',
    parameters: { pool: 'nowhere' },
    says: /did not have enough free storage/,
    of: 'pod',
  }),
  refusal({
    what: 'a topology that no node has',
    size: '1Gi',
    topology: 'no-such-node',
    says: /node\(s\) .*(didn't|did not) (find|match|have)[^\n]*/,
    of: 'pod',
  }),
  refusal({
    what: 'an unknown parameter',
    size: '1Gi',
    parameters: { pool: 'default', pol: 'x' },
    bindingMode: 'Immediate',
    says: /unknown parameter[^\n]*|pol\b[^\n]*/,
    of: 'pvc',
  }),
];
