import { vi } from 'vitest';

/** The bounds of the system, but that a page of a stream is short: what is so at its edges needs few rows. */

const original = await vi.importActual<typeof import('../../src/limits.ts')>('../../src/limits.ts');

export const limits = { ...original.limits, streams: { rows: 50 } };
