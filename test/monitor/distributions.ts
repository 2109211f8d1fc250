import type { EndedOperation } from '../../src/monitor/tally.ts';

/** Durations in milliseconds at the share `u` of their order, from 0 to 1. */
const QUANTILES: readonly ((u: number) => number)[] = [
  (u) => 1 + 99 * u,
  (u) => -50 * Math.log(1 - u),
  (u) => (u < 0.97 ? 3 : 5_000 * u),
];

const COUNT = 5_000;

/** The operations of each process: uniform, exponential, and constant with a long tail. Every tenth of the first fails. */
export const operationsOf = (process: number): EndedOperation[] =>
  Array.from({ length: COUNT }, (_, n) => ({
    durationMs: QUANTILES[process]!((n + 0.5) / COUNT),
    items: 100,
    errorCode: process === 0 && n % 10 === 0 ? 'conflict' : null,
    outcomes: { applied: 98, replayed: 1, rejected: { insufficient_funds: 1 } },
  }));
