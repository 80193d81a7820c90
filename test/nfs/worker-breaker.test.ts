import { describe, expect, it } from '@jest/globals';
import { type Attempt, createBreaker } from '../../src/nfs/worker/breaker.ts';

const TIMES = { firstMs: 1_000, longestMs: 30_000 };

function setUp() {
  let nowMs = 0;
  const breaker = createBreaker(TIMES, () => nowMs);
  const attempt = (): Attempt => {
    const entered = breaker.enter();
    if (entered.type === 'refusal') throw new Error(`refused for ${entered.retryAfterMs} ms`);
    return entered;
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { breaker, attempt, pass };
}

describe('a breaker', () => {
  it('lets all try while they succeed', () => {
    const { breaker, attempt } = setUp();
    const both = [attempt(), attempt()];
    for (const { succeeded } of both) succeeded();
    expect(breaker.isClosed()).toBe(true);
  });

  it('refuses after a failure, says for how long, then lets one try', () => {
    const { breaker, attempt, pass } = setUp();
    attempt().failed();
    pass(400);
    expect(breaker.enter()).toEqual({ type: 'refusal', retryAfterMs: 600 });
    pass(600);
    const probe = attempt();
    expect(breaker.enter()).toEqual({ type: 'refusal', retryAfterMs: 0 });
    probe.succeeded();
    expect(breaker.isClosed()).toBe(true);
    attempt();
    attempt();
  });

  it('stays open twice as long each time, up to a limit, and begins anew after a success', () => {
    const { breaker, attempt, pass } = setUp();
    const waits = Array.from({ length: 7 }, () => {
      attempt().failed();
      const entered = breaker.enter();
      const waitMs = entered.type === 'refusal' ? entered.retryAfterMs : 0;
      pass(waitMs);
      return waitMs;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    attempt().succeeded();
    attempt().failed();
    expect(breaker.enter()).toEqual({ type: 'refusal', retryAfterMs: 1_000 });
  });

  it('counts one failure where all that tried at once fail', () => {
    const { breaker, attempt } = setUp();
    const all = [attempt(), attempt(), attempt()];
    for (const { failed } of all) failed();
    expect(breaker.enter()).toEqual({ type: 'refusal', retryAfterMs: 1_000 });
  });

  it('is not closed by the late success of a try from before the failure', () => {
    const { breaker, attempt, pass } = setUp();
    const early = attempt();
    attempt().failed();
    early.succeeded();
    expect(breaker.isClosed()).toBe(false);
    pass(1_000);
    const probe = attempt();
    early.failed();
    probe.succeeded();
    expect(breaker.isClosed()).toBe(true);
  });
});
