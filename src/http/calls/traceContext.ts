import type { FastifyInstance } from 'fastify';
import type { Diagnostics } from '../../diagnostics.ts';

/**
 * Answers each call in the trace that its header `traceparent` names (W3C Trace Context). Whoever listens reads the header: a
 * malformed one is ignored, as the specification says.
 */
export function joinTraces(app: FastifyInstance, diagnostics: Pick<Diagnostics, 'answer'>): void {
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    const { traceparent, tracestate } = headers;
    diagnostics.answer(() => ({ traceparent: textOf(traceparent), tracestate: textOf(tracestate) }), done);
  });
}

/** Node.js joins a header that is sent several times by commas. */
const textOf = (header: string | string[] | undefined): string | undefined => header?.toString();
