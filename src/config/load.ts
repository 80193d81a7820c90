import { open } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { messageOf, StowageError } from '../errors.ts';
import { findContradictions } from './consistency.ts';
import { describeIssues } from './problems.ts';
import { CONFIG_SCHEMAS, type Config } from './schema.ts';

const MAX_BYTES = 1024 ** 2;
const MAX_ALIASES = 100; // nodes that aliases may unfold to, against "billion laughs"
const MAX_PROBLEMS_SHOWN = 50;

/**
 * Reads and checks the config file.
 * @throws StowageError 'invalid' with every problem found; also where the file is missing, unreadable or larger than 1 MiB
 */
export async function loadConfig(path: string): Promise<Config> {
  return parseConfig(await readBounded(path), path);
}

/**
 * Checks a config (YAML 1.2, core schema) and fills in the defaults.
 * @param path where the text comes from, for messages
 * @throws StowageError 'invalid' with every problem found, each with its key's path, or with its line where it is no YAML
 */
export function parseConfig(yamlText: string, path: string): Config {
  if (Buffer.byteLength(yamlText) > MAX_BYTES) throw invalid(path, [`larger than ${MAX_BYTES} bytes`]);
  const input = parseYaml(yamlText, path);
  const parsed = CONFIG_SCHEMAS[namesNfs(input) ? 'nfs' : 'local'].safeParse(input);
  if (!parsed.success) throw invalid(path, describeIssues(parsed.error.issues, input));
  const contradictions = findContradictions(parsed.data);
  if (contradictions.length > 0) throw invalid(path, contradictions);
  return parsed.data;
}

function namesNfs(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'driver' in input && input.driver === 'nfs';
}

function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text, { schema: 'core', stringKeys: true, prettyErrors: true });
  // What is only a warning to the parser, such as an unknown tag, is a mistake in a config.
  const problems = [...document.errors, ...document.warnings].map(
    ({ message }) => message.split('\n')[0]?.replace(/:$/, '') ?? '',
  );
  if (problems.length > 0) throw invalid(path, problems);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw invalid(path, [messageOf(error)], error);
  }
}

async function readBounded(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length));
      }
      return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw invalid(path, [`cannot be read: ${messageOf(error)}`], error);
  }
}

function invalid(path: string, problems: readonly string[], cause?: unknown): StowageError {
  const shown = problems.slice(0, MAX_PROBLEMS_SHOWN);
  const rest = problems.length - shown.length;
  const lines = rest > 0 ? [...shown, `and ${rest} more`] : shown;
  return new StowageError('invalid', [`config ${path} is not valid:`, ...lines.map((line) => `  ${line}`)].join('\n'), {
    cause,
  });
}
