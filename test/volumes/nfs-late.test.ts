import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StowageError } from '../../src/errors.ts';
import { namingShare } from '../../src/volumes/nfs/late.ts';

const NEVER = new Promise<void>(() => undefined);
const share = { source: { server: 'server.example', share: '/export' } };

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** What the call of a request answers whose work does not end, or ends so long after the call's end. */
async function lateAnswer(request: object, work: Promise<unknown> = NEVER): Promise<unknown> {
  const end = new AbortController();
  const answer = namingShare({ shares: undefined }, request, work, end.signal).catch((error: unknown) => error);
  end.abort(new StowageError('timeout', 'not done at the deadline of the caller'));
  await jest.advanceTimersByTimeAsync(400);
  return answer;
}

describe('a call whose deadline comes while its server is silent', () => {
  it.each([
    ['the parameters', { name: 'v', parameters: { share } }, 'server.example:/export'],
    [
      "the volume's attributes",
      { volumeId: 'v', volumeContext: { server: '::1', share: '/e', subDir: 'a' } },
      '[::1]:/e/a',
    ],
  ])('names the share that is in %s', async (_where, request, name) => {
    expect(await lateAnswer(request)).toMatchObject({
      code: 'timeout',
      message: `NFS share ${name} has not answered: not done at the deadline of the caller`,
    });
  });

  it('says no more than that where it names none, or one that cannot be', async () => {
    expect(await lateAnswer({})).toMatchObject({ code: 'timeout', message: 'not done at the deadline of the caller' });
    expect(await lateAnswer({ volumeId: 'stw9' })).toBeInstanceOf(StowageError);
  });

  it('leaves the last word to work that ends by itself', async () => {
    const work = new Promise((_resolve, reject) =>
      setTimeout(() => reject(new StowageError('unavailable', 'its own')), 100),
    );
    expect(await lateAnswer({ parameters: { share } }, work)).toMatchObject({
      code: 'unavailable',
      message: 'its own',
    });
    expect(await lateAnswer({ parameters: { share } }, Promise.resolve('done'))).toBe('done');
  });
});
