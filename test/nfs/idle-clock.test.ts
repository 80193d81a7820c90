import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createIdleClock } from '../../src/nfs/idle-clock.ts';
import { newPlace } from '../../src/nfs/share-place.ts';

const IDLE_MS = 1_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function setUp() {
  const told: string[] = [];
  const clock = createIdleClock(IDLE_MS, ({ path }) => told.push(path));
  return { clock, told, place: newPlace('/share') };
}

it('tells once, so long after the last use', () => {
  const { clock, told, place } = setUp();
  clock.start(place);
  jest.advanceTimersByTime(IDLE_MS - 1);
  clock.start(place);
  jest.advanceTimersByTime(IDLE_MS - 1);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['/share']);
  jest.advanceTimersByTime(2 * IDLE_MS);
  expect(told).toEqual(['/share']);
});

it('waits for the end of a use, however long it is', () => {
  const { clock, told, place } = setUp();
  clock.start(place);
  place.uses = 1;
  jest.advanceTimersByTime(3 * IDLE_MS);
  place.uses = 0;
  clock.start(place);
  jest.advanceTimersByTime(IDLE_MS - 1);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['/share']);
});

it('tells nothing of a place whose clock was stopped', () => {
  const { clock, told, place } = setUp();
  clock.start(place);
  clock.stop(place);
  jest.advanceTimersByTime(2 * IDLE_MS);
  expect(told).toEqual([]);
});
