import type { AdoptEvent, ReportAdoption } from '../../volumes/adopt.ts';
import type { Candidate, Refused } from './wishes.ts';

type Adopted = Extract<AdoptEvent, { type: 'adopted' }>;

/** What came of each PersistentVolume. */
export interface Outcome {
  /** Takes what the driver says of one. */
  readonly take: ReportAdoption;
  adopted(): readonly (Candidate & { readonly event: Adopted })[];
  refusedCount(): number;
  /** For a person: each that was refused, and how many there are of each kind. */
  summary(othersCount: number, isDryRun: boolean): string;
}

/** @param early those that were refused before the driver was asked */
export function createOutcome(candidates: readonly Candidate[], early: readonly Refused[]): Outcome {
  const refused = [...early];
  const adopted = new Map<string, Adopted>();
  const entries = () =>
    candidates.flatMap((candidate) => {
      const event = adopted.get(candidate.wish.name);
      return event === undefined ? [] : [{ ...candidate, event }];
    });
  return {
    take(event) {
      if (event.type === 'adopted') adopted.set(event.name, event);
      else refused.push(event);
    },
    adopted: entries,
    refusedCount: () => refused.length,
    summary(othersCount, isDryRun) {
      const before = entries().filter(({ event }) => event.wasThere).length;
      const counts = [
        `${adopted.size - before} ${isDryRun ? 'would be adopted' : 'adopted'}`,
        `${before} adopted before`,
        `${refused.length} refused`,
        `${othersCount} of other drivers`,
      ];
      const lines = refused.map(({ name, message }) => `stowage: PersistentVolume ${name}: ${message}`);
      return [...lines, `stowage: ${counts.join(', ')}`, ''].join('\n');
    },
  };
}
