import { isIP } from 'node:net';

/**
 * The NFS driver's node ids say where a node's mounts come from, so that a server can admit and shut out that node alone: its name, then its addresses, as in
 * `worker-1|10.0.0.7` or `worker-1|10.0.0.7,fd00::7`.
 */
export function nodeIdOfShares(name: string, addresses: readonly string[]): string {
  return `${name}|${addresses.join(',')}`;
}

/** The addresses in an id that nodeIdOfShares made. */
export function addressesOfNode(nodeId: string): string[] {
  return nodeId.slice(nodeId.indexOf('|') + 1).split(',');
}

/** True for an id that nodeIdOfShares makes. */
export function isNodeOfShares(nodeId: string): boolean {
  const [name = '', addresses = '', more] = nodeId.split('|');
  return name !== '' && more === undefined && addresses.split(',').every((address) => isIP(address) !== 0);
}
