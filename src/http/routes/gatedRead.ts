import type { FastifyRequest } from 'fastify';
import { rateLimited } from '../access/errors.ts';
import type { CallGate } from '../load/callGate.ts';

/**
 * Runs a query of a call in its place of the gate.
 *
 * @param rowsOf number of rows found, if the keys that the call names do not bound it
 */
export type GatedRead = <Found>(
  request: FastifyRequest,
  query: () => Promise<Found>,
  rowsOf?: (found: Found) => number,
) => Promise<Found>;

/** Refuses a call whose key owes for rows by the time the call has its place: many may have come before the first was charged. */
export const readInGate =
  (gate: CallGate): GatedRead =>
  (request, query, rowsOf) =>
    gate.run(
      request,
      async () => {
        const quota = await request.quota();
        if (quota?.hasDebt) throw rateLimited('later', quota, 1);
        const found = await query();
        if (rowsOf !== undefined) await request.chargeRows(rowsOf(found));
        return found;
      },
      pastDeadline,
    );

const pastDeadline = () => ({ detail: 'The deadline of Request-Timeout passed before everything was read' });
