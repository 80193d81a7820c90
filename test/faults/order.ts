import * as z from 'zod/mini';
import { ALL_BACKEND_NAMES } from './place.ts';

const schema = z.object({
  paths: z.object({ backend: z.enum(ALL_BACKEND_NAMES), pool: z.string(), work: z.string() }),
  scenario: z.string(),
  state: z.record(z.string(), z.string()),
  effect: z.enum(['changes', 'reads']),
  ordinal: z.int(),
  how: z.enum(['kill-before', 'kill-after']),
});

/** What a process of its own shall do, and at which call it is killed. */
export type Order = z.infer<typeof schema>;

export function parseOrder(text: string): Order {
  return schema.parse(JSON.parse(text));
}
