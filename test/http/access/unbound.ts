import type { KeyBounds } from '../../../src/apiKeys/bounds.ts';

/** Of a key that may touch everything, from anywhere. */
export const UNBOUND: KeyBounds = { users: null, userPrefix: null, markets: null, addresses: null };
