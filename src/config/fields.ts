import { posix } from 'node:path';
import * as z from 'zod/mini';
import { parseSize } from './size.ts';

/** Kinds of values that keys of the config take. Each has one message, which says everything that it must be. */

const MAX_PATH_BYTES = 512;
const MAX_NODE_NAME_LENGTH = 253; // a DNS subdomain, as Kubernetes names nodes

export const bool = z.boolean({ error: 'must be true or false' });

export function integer(min: number, max: number) {
  const error = `must be an integer from ${min} to ${max}`;
  return z.int({ error }).check(z.gte(min, { error }), z.lte(max, { error }));
}

export function number(min: number, max: number) {
  const error = `must be a number from ${min} to ${max}`;
  return z.number({ error }).check(z.gte(min, { error }), z.lte(max, { error }));
}

/** Bytes, as a number or as `10Gi`. `orZero` says what 0 means, where it is allowed below `min`. */
export function size(min: number, orZero?: string) {
  const zero = orZero === undefined ? '' : `, or 0 for ${orZero}`;
  const error = `must be a size in bytes such as 1073741824 or 1Gi, at least ${min}${zero}`;
  return z.pipe(
    z.union([z.number(), z.string()], { error }),
    z.transform((value, context) => {
      const bytes = parseSize(value);
      if (bytes !== undefined && (bytes >= min || (bytes === 0 && orZero !== undefined))) return bytes;
      context.issues.push({ code: 'custom', message: error, input: value });
      return z.NEVER;
    }),
  );
}

export function oneOf<const Value extends string>(...values: readonly Value[]) {
  return z.enum(values, { error: `must be ${words(values)}` });
}

export function text(pattern: RegExp, what: string) {
  const error = `must be ${what}`;
  return z.string({ error }).check(z.regex(pattern, { error }));
}

/** Absolute, normalised, not `/`, without control characters. */
export const path = (() => {
  const error = `must be an absolute path of at most ${MAX_PATH_BYTES} bytes, not /, without "..", "//" or a slash at its end`;
  return z.string({ error }).check(z.refine(isPlainPath, { error }));
})();

function isPlainPath(value: string): boolean {
  const isPlain = value.startsWith('/') && value !== '/' && !value.endsWith('/') && posix.normalize(value) === value;
  return isPlain && Buffer.byteLength(value) <= MAX_PATH_BYTES && !/\p{Cc}/u.test(value);
}

/** A string, since YAML reads 0770 as seven hundred and seventy. */
export const fileMode = z.pipe(
  text(/^[0-7]{3,4}$/, 'permission bits as a string of octal digits, such as "0770"'),
  z.transform((value) => Number.parseInt(value, 8)),
);

export const driverName = text(
  /^(?=.{1,63}$)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?:[a-z0-9][a-z0-9-]*)?[a-z]$/,
  'a domain name of at most 63 characters (a-z, 0-9, "-", ".") that begins with a letter or digit and ends with a letter',
);

export const poolName = text(
  /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  'at most 63 characters of a-z, 0-9 and "-", with a letter or digit at both ends',
);

/** Names of volume groups and logical volumes, as lvm(8) has them. */
export const lvmName = text(
  /^(?!\.{1,2}$)[a-zA-Z0-9_.+][a-zA-Z0-9_.+-]{0,62}$/,
  'a name of LVM, at most 63 characters of a-z, A-Z, 0-9, "_", ".", "+" and "-", not beginning with "-"',
);

export const address = text(
  /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s]{1,253}):(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/,
  'host:port, such as 127.0.0.1:9809 or [::]:9809',
);

export const nodeName = text(
  new RegExp(`^[^\\s/]{1,${MAX_NODE_NAME_LENGTH}}$`),
  `a node's name, at most ${MAX_NODE_NAME_LENGTH} characters`,
);

export const serverName = text(
  /^(?:(?!-)[A-Za-z0-9_.-]{1,253}(?<![-.])|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/,
  'a host name or an IP address, without brackets and port',
);

export function list<Entry extends z.core.$ZodType>(entry: Entry, min: number, max: number) {
  const error = `must be a list of ${min} to ${max} entries`;
  return z.array(entry, { error }).check(z.minLength(min, { error }), z.maxLength(max, { error }));
}

/** `a`, `a or b`, `a, b or c`. */
export function words(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
