import type * as z from 'zod/mini';
import { words } from './fields.ts';
import { nearest } from './nearest.ts';
import { DRIVER_SCHEMAS, POOL_SCHEMAS } from './schema.ts';

const MAX_SHOWN_LENGTH = 60;

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The problems that the schema found in `input`, each with its key's path, without repetitions. */
export function describeIssues(issues: readonly Issue[], input: unknown): string[] {
  return [...new Set(issues.flatMap((issue) => describe(issue, input)))];
}

function describe(issue: Issue, input: unknown): string[] {
  const found = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key, found));
  const where = formatPath(issue.path);
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'backend') return [`${where}: ${badBackend(found)}`];
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return [`${where}: must be a mapping of keys to values, found ${show(found)}`];
  }
  return [
    `${where}: ${found === undefined ? 'is missing; it ' : ''}${issue.message}${found === undefined ? '' : `, found ${show(found)}`}`,
  ];
}

function unknownKey(path: Path, key: string, owner: unknown): string {
  const where = formatPath([...path, key]);
  const known = path.length === 0 ? driverKeys(valueAt(owner, ['driver'])) : poolKeys(valueAt(owner, ['backend']));
  const others = path.length === 0 ? [] : Object.keys(POOL_SCHEMAS).filter((name) => poolKeys(name).includes(key));
  if (others.length > 0) return `${where}: only pools of backend ${words(others)} have this key`;
  const meant = nearest(key, known);
  return `${where}: unknown key, ${meant === undefined ? `known are ${words(known)}` : `did you mean \`${meant}\`?`}`;
}

function driverKeys(driver: unknown): string[] {
  return Object.keys(driver === 'nfs' ? DRIVER_SCHEMAS.nfs.shape : DRIVER_SCHEMAS.local.shape);
}

function poolKeys(backend: unknown): string[] {
  const schema = Object.entries(POOL_SCHEMAS).find(([name]) => name === backend)?.[1];
  return schema === undefined ? [] : Object.keys(schema.shape);
}

function badBackend(found: unknown): string {
  const served = words(Object.keys(POOL_SCHEMAS));
  if (found === undefined) return `is missing; it must be ${served}`;
  return `must be ${served}, found ${show(found)}`;
}

/** `pools[1].quota`; a key that would not be clear so is quoted. */
export function formatPath(path: Path): string {
  if (path.length === 0) return 'the config';
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const key = String(part);
    const shown = /^[\w-]{1,60}$/.test(key) ? key : show(key);
    return text === '' ? shown : `${text}.${shown}`;
  }, '');
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, part)?.value : undefined,
    input,
  );
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(value); // JSON has no NaN and no Infinity
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}...` : text;
}
