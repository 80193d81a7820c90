import { lstat } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { errnoOf, StowageError } from '../../src/errors.ts';
import { type PackedError, packError, unpackError } from '../../src/nfs/worker/error-transfer.ts';

/** As the channel between the processes does it. */
function send(error: unknown): Error {
  const packed: PackedError = deserialize(serialize(packError(error)));
  return unpackError(packed);
}

describe('an error sent to another process', () => {
  it('keeps what system errors carry', async () => {
    const error: unknown = await lstat('/nothing-here').catch((thrown: unknown) => thrown);
    const sent = send(error);
    expect(errnoOf(sent)).toBe('ENOENT');
    expect(sent).toMatchObject({ errno: -2, syscall: 'lstat', path: '/nothing-here' });
    expect(sent.message).toContain('ENOENT');
  });

  it('stays a StowageError, with its cause', () => {
    const cause = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    const sent = send(new StowageError('busy', 'call again', { cause }));
    expect(sent).toBeInstanceOf(StowageError);
    expect(sent).toMatchObject({ code: 'busy', message: 'call again' });
    expect(errnoOf(sent.cause)).toBe('EIO');
  });

  it('keeps the name by which a deadline is known', () => {
    const sent = send(new DOMException('too late', 'TimeoutError'));
    expect(sent).toMatchObject({ name: 'TimeoutError', message: 'too late' });
  });

  it('comes of anything that was thrown, and of causes in a circle', () => {
    expect(send('words')).toMatchObject({ name: 'Error', message: 'words' });
    expect(send(undefined).message).toBe('undefined');
    const circle = new Error('round');
    circle.cause = circle;
    expect(send(circle).message).toBe('round');
  });
});
