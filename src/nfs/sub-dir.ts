import { nearest } from '../config/nearest.ts';
import { StowageError } from '../errors.ts';
import { CONTROL } from '../host/control-characters.ts';
import { checkParts } from './source.ts';

const MAX_BYTES = 1024;
/** Stowage's own folder of a share. */
const OWN = '.stowage';

/** Each template, and the parameter in which the provisioner (with --extra-create-metadata) or a volume's context has its value. */
const TEMPLATES: Readonly<Record<string, string>> = {
  'pvc.metadata.name': 'csi.storage.k8s.io/pvc/name',
  'pvc.metadata.namespace': 'csi.storage.k8s.io/pvc/namespace',
  'pv.metadata.name': 'csi.storage.k8s.io/pv/name',
};

/**
 * The folder beneath a share that a volume's `subDir` names, its templates replaced, without needless slashes.
 * @param parameters the request's, or a volume's context: the values of the templates
 * @throws 'invalid' for a template that is unknown or has no value (naming the parameter that is missing), and for a folder that is the share itself, absolute, has `.`,
 * `..` or control characters, or is Stowage's own
 */
export function resolveSubDir(subDir: string, parameters: Readonly<Record<string, string>>): string {
  if (/\$\{[^}]*$/.test(subDir)) throw invalid(`subDir ${JSON.stringify(subDir)}: a template is not closed with }`);
  const resolved = subDir.replaceAll(/\$\{([^}]*)\}/g, (_template, name: string) => valueIn(subDir, name, parameters));
  return checkSubDir(subDir, resolved);
}

function valueIn(subDir: string, name: string, parameters: Readonly<Record<string, string>>): string {
  const what = `subDir ${JSON.stringify(subDir)}`;
  const key = Object.hasOwn(TEMPLATES, name) ? TEMPLATES[name] : undefined;
  if (key === undefined) {
    const hint = nearest(name, Object.keys(TEMPLATES));
    const known = Object.keys(TEMPLATES)
      .map((known) => `\${${known}}`)
      .join(', ');
    throw invalid(
      `${what}: \${${name}} is unknown${hint === undefined ? '' : ` (did you mean \${${hint}}?)`}; templates are ${known}`,
    );
  }
  const value = Object.hasOwn(parameters, key) ? (parameters[key] ?? '') : '';
  if (value === '') {
    throw invalid(
      `${what}: \${${name}} has no value, since the parameter ${key} is missing; run the external-provisioner with --extra-create-metadata`,
    );
  }
  if (!value.includes('/') && value !== '.' && value !== '..') return value; // a name is one folder
  throw invalid(`${what}: \${${name}} is ${JSON.stringify(value)}, which is no name of a folder`);
}

function checkSubDir(given: string, resolved: string): string {
  const what =
    given === resolved
      ? `subDir ${JSON.stringify(given)}`
      : `subDir ${JSON.stringify(given)}, ${JSON.stringify(resolved)},`;
  if (resolved === '') throw invalid('subDir is empty: name a folder beneath the share, or leave subDir out');
  if (resolved.startsWith('/')) {
    const isRoot = /^\/+$/.test(resolved);
    throw invalid(
      `${what} is ${isRoot ? 'the share itself' : 'absolute'}: name a folder beneath the share, without a leading slash`,
    );
  }
  if (CONTROL.test(resolved)) throw invalid(`${what} has control characters in it`);
  const parts = resolved.split('/').filter((part) => part !== '');
  if (parts.every((part) => part === '.')) throw invalid(`${what} is the share itself: name a folder beneath it`);
  checkParts(what, parts);
  if (parts[0]?.toLowerCase() === OWN) throw invalid(`${what} is Stowage's own folder of the share: name another`);
  const normalised = parts.join('/');
  if (Buffer.byteLength(normalised) > MAX_BYTES) throw invalid(`${what} is longer than ${MAX_BYTES} bytes`);
  return normalised;
}

function invalid(message: string): StowageError {
  return new StowageError('invalid', message);
}
