import type { KeyBounds } from '../../../src/apiKeys/bounds.ts';

/** The bounds of a key that may touch everything, from anywhere. */
export const UNBOUND: KeyBounds = { users: null, userPrefix: null, markets: null, addresses: null };
