import { readFile } from 'node:fs/promises';
import * as z from 'zod/mini';

/** What one run of csi-sanity did. */
export interface Report {
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly message: string }[];
  readonly skipped: readonly string[];
}

const reportSchema = z.array(
  z.object({
    SpecReports: z.array(
      z.object({
        LeafNodeType: z.string(),
        State: z.string(),
        ContainerHierarchyTexts: z.nullable(z.array(z.string())),
        LeafNodeText: z.string(),
        Failure: z.optional(z.object({ Message: z.optional(z.string()) })),
      }),
    ),
  }),
);

/**
 * Reads the JSON report of ginkgo, which csi-sanity is written with. Nodes that are no cases (setup, cleanup) count only
 * where they fail; cases that upstream marks as pending are in no count.
 */
export async function readReport(file: string): Promise<Report> {
  const suites = reportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const nodes = suites
    .flatMap(({ SpecReports }) => SpecReports)
    .map((node) => ({
      isCase: node.LeafNodeType === 'It',
      state: node.State,
      name: [...(node.ContainerHierarchyTexts ?? []), node.LeafNodeText || node.LeafNodeType].join(' '),
      message: node.Failure?.Message ?? '',
    }));
  const calm = ['passed', 'skipped', 'pending'];
  return {
    passed: nodes.filter(({ isCase, state }) => isCase && state === 'passed').length,
    failed: nodes
      .filter(({ state }) => !calm.includes(state))
      .map(({ name, state, message }) => ({ name, message: `${state}: ${message}` })),
    skipped: nodes.filter(({ isCase, state }) => isCase && state === 'skipped').map(({ name }) => name),
  };
}
