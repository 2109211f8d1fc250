export { detectNPlusOne, type NPlusOneDetector } from './detector.ts';
export { expectNoNPlusOne } from './expectation.ts';
export type { Loop } from './loops.ts';
export type { NPlusOneOptions } from './options.ts';
export { watchPool, type PoolLike } from './pool.ts';
