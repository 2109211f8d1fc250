import { vi } from 'vitest';

/** The limits of the system, except that the page of a stream is short, so that few rows reach its edges. */

const original = await vi.importActual<typeof import('../../src/limits.ts')>('../../src/limits.ts');

export const limits = { ...original.limits, streams: { rows: 50 } };
