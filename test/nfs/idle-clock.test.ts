import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
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
  const place = newPlace('/share', IDLE_MS, ({ path }) => told.push(path));
  return { clock: place.idle, told, place };
}

it('tells once, so long after the last use', () => {
  const { clock, told } = setUp();
  clock.start();
  jest.advanceTimersByTime(IDLE_MS - 1);
  clock.start();
  jest.advanceTimersByTime(IDLE_MS - 1);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['/share']);
  jest.advanceTimersByTime(2 * IDLE_MS);
  expect(told).toEqual(['/share']);
});

it('waits for the end of a use, however long it is', () => {
  const { clock, told, place } = setUp();
  clock.start();
  place.uses = 1;
  jest.advanceTimersByTime(3 * IDLE_MS);
  place.uses = 0;
  clock.start();
  jest.advanceTimersByTime(IDLE_MS - 1);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['/share']);
});

it('tells nothing of a place whose clock was stopped', () => {
  const { clock, told } = setUp();
  clock.start();
  clock.stop();
  jest.advanceTimersByTime(2 * IDLE_MS);
  expect(told).toEqual([]);
});
