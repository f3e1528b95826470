import { expect, test } from 'vitest';
import { ConnectionHealth } from '../../src/engine/connection-health.js';

test('is trusted with eight notifications before the first success, then without a limit', () => {
  const health = new ConnectionHealth();
  expect([health.state, health.maxInFlight]).toEqual(['unproven', 8]);
  health.recordSuccess();
  expect([health.state, health.maxInFlight]).toEqual(['healthy', Number.POSITIVE_INFINITY]);
});

test('is trusted with more while it is slow and nothing has failed', () => {
  const health = new ConnectionHealth();
  const trustAfter = (ms: number): number => {
    health.growTrust(ms);
    return health.maxInFlight;
  };
  expect([0, 49, 50, 99, 100].map(trustAfter)).toEqual([8, 8, 16, 16, 32]);
  // A process that was held up reads the sockets between two steps.
  expect([149, 150, 649, 650, 5000, 5000].map(trustAfter)).toEqual([32, 64, 64, 128, 256, 512]);
  for (let i = 0; i < 100; i++) health.growTrust(1e9);
  expect(health.maxInFlight).toBe(8 * 2 ** 20);
});

test('is trusted with one at a time after a failure, and without a limit after the next success', () => {
  const health = new ConnectionHealth();
  health.recordFailure(1, 2);
  health.growTrust(60_000);
  expect([health.state, health.maxInFlight]).toEqual(['failing', 1]);
  health.recordSuccess();
  expect(health.state).toBe('healthy');
});

test('is sick after three failures in a row, for good', () => {
  const health = new ConnectionHealth();
  health.recordSuccess();
  for (const number of [1, 2]) health.recordFailure(number, number + 1);
  expect(health.isSick).toBe(false);
  health.recordFailure(3, 4);
  expect([health.isSick, health.maxInFlight]).toEqual([true, 0]);
  health.recordSuccess();
  health.recordFailure(9, 10);
  expect(health.state).toBe('sick');
});

test('counts what was in flight together as one failure', () => {
  const health = new ConnectionHealth();
  for (let number = 1; number <= 40; number++) health.recordFailure(number, 1001);
  expect(health.state).toBe('failing');
  health.recordFailure(1001, 1002);
  expect(health.state).toBe('failing');
  health.recordFailure(1002, 1003);
  expect(health.state).toBe('sick');
});

test('starts to count again after a success', () => {
  const health = new ConnectionHealth();
  for (let number = 1; number < 60; number++) {
    if (number % 3 === 0) health.recordSuccess();
    else health.recordFailure(number, number + 1);
  }
  expect(health.isSick).toBe(false);
});

test('is sick at once where that is known', () => {
  const health = new ConnectionHealth();
  health.recordSuccess();
  health.recordSickness();
  expect(health.isSick).toBe(true);
});

test('is sick when at least half of 64 notifications fail, in whatever order', () => {
  for (const every of [2, 3]) {
    const health = new ConnectionHealth();
    for (let number = 1; number <= 64; number++) {
      if (number % every > 0) health.recordFailure(0, 0);
      else health.recordSuccess();
    }
    expect([every, health.isSick]).toEqual([every, true]);
  }
  const mostlyWell = new ConnectionHealth();
  for (let number = 1; number <= 1000; number++) {
    if (number % 3 === 0) mostlyWell.recordFailure(0, 0);
    else mostlyWell.recordSuccess();
  }
  expect(mostlyWell.isSick).toBe(false);
});

test('is not sick when just less than half of 64 notifications fail, and counts the next 64 anew', () => {
  const health = new ConnectionHealth();
  const pass = (failures: number, successes: number): void => {
    for (let i = 0; i < failures; i++) health.recordFailure(0, 1);
    for (let i = 0; i < successes; i++) health.recordSuccess();
  };
  pass(31, 33);
  expect(health.state).toBe('healthy');
  pass(31, 33);
  expect(health.state).toBe('healthy');
  pass(32, 31);
  expect(health.state).toBe('healthy');
  pass(0, 1);
  expect(health.state).toBe('sick');
});

test('is not sick by failures that are not rated', () => {
  const health = new ConnectionHealth();
  // In flight together, so they are one failure in a row.
  for (let i = 0; i < 1000; i++) health.recordFailure(0, 1, false);
  expect(health.isSick).toBe(false);
});

test('stays sick after further failures, and gets nothing', () => {
  const health = new ConnectionHealth();
  health.recordSickness();
  for (let number = 1; number < 9; number++) {
    health.recordFailure(number, number + 1);
    expect([health.state, health.maxInFlight]).toEqual(['sick', 0]);
  }
});
