import { type ErrorCode, StowageError } from '../errors.ts';

interface Explanation {
  readonly said: RegExp; // what mount.nfs(8) wrote
  readonly code: ErrorCode;
  readonly advice: string;
}

/** What mount.nfs(8) of nfs-utils says in the C locale, with what it means for whoever asked. The first that fits counts. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    said: /rpc\.statd is not running/,
    code: 'precondition',
    advice:
      'NFS 3 keeps locks with rpc.statd, which does not run on this node: start it (and rpcbind), or use NFS 4, or add the mount option nolock, with which locks hold on one node only',
  },
  {
    said: /access denied by server|security flavor not supported|Permission denied|Operation not permitted/,
    code: 'precondition',
    advice: 'the server does not export it to this node, or asks for another security flavor (sec=, xprtsec=)',
  },
  {
    said: /No such file or directory|Not a directory/,
    code: 'not-found',
    advice: 'the server has no such folder, or does not export it; with NFS 4, paths start at the exported root',
  },
  {
    said: /incorrect mount option|bad option|parsing error|invalid (?:option|value)|Invalid argument|no 'port=|[Uu]nrecognized mount option/,
    code: 'invalid',
    advice: 'this kernel or mount.nfs(8) does not know one of the mount options, or they contradict one another',
  },
  {
    said: /requested NFS version or transport protocol is not supported|NFS (?:mount )?version \d+ is not supported|Protocol (?:family )?not supported/,
    code: 'invalid',
    advice: 'the server (or this kernel) does not speak the version or protocol asked for: see vers= and proto=',
  },
  {
    said: /DNS resolution|Failed to resolve server|Name or service not known|Temporary failure in name resolution/,
    code: 'unavailable',
    advice: 'the name of the server cannot be resolved on this node',
  },
  {
    said: /Resource temporarily unavailable|timed out|Connection refused|Connection reset|No route to host|(?:Network|Host) is (?:unreachable|down)|Remote I\/O error|Input\/output error|portmap query failed|RPC/,
    code: 'unavailable',
    advice: 'the server does not answer now: is it running, can this node reach it, and resolve its name?',
  },
  {
    said: /Stale file handle/,
    code: 'unavailable',
    advice: 'the server has taken the export back, or replaced it: export it again',
  },
];

/** The error for a mount.nfs(8) that failed: what it said, and what can be done. */
export function mountFailure(
  source: string,
  options: readonly string[],
  stderr: string,
  exitCode: number,
): StowageError {
  const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ');
  const found = EXPLANATIONS.find((candidate) => candidate.said.test(said));
  const withOptions = options.length === 0 ? '' : ` with ${options.join(',')}`;
  const what = `NFS share ${source} cannot be mounted${withOptions}: ${said === '' ? `mount.nfs ended with ${exitCode}` : said}`;
  return new StowageError(found?.code ?? 'internal', found === undefined ? what : `${what} (${found.advice})`);
}
