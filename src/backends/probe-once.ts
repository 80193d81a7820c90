/** Asks until there is an answer, and then no more. */
export function probeOnce(ask: () => Promise<boolean>): { probe: () => Promise<boolean>; known: () => boolean } {
  let answer: boolean | undefined;
  return {
    probe: async () => {
      answer ??= await ask();
      return answer;
    },
    known: () => answer ?? false,
  };
}
