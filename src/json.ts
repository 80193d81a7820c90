/** What hostile or cut-off text holds, still to be checked by a schema. @returns undefined for what is no JSON, which no schema takes */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
