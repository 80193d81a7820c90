import { StowageError } from '../errors.ts';

const MAX_NODE_ID_BYTES = 192;

/**
 * This node's name, of an option or of the environment's NODE_ID.
 * @throws 'invalid' with `usage` where neither is there, or it is malformed
 */
export function readNodeId(option: string | undefined, usage: string): string {
  const nodeId = option ?? process.env.NODE_ID;
  if (nodeId === undefined || nodeId === '')
    throw new StowageError('invalid', `--node-id or NODE_ID is missing\n${usage}`);
  if (Buffer.byteLength(nodeId) > MAX_NODE_ID_BYTES || /[^A-Za-z0-9._-]/.test(nodeId)) {
    throw new StowageError(
      'invalid',
      `node id ${JSON.stringify(nodeId)}: at most 192 letters, digits, dots, dashes and underscores`,
    );
  }
  return nodeId;
}
