import type { FastifyInstance } from 'fastify';
import { malformed } from '../problems/problem.ts';

/** If one of these headers is given twice, Node.js takes the first, and a proxy in front of the service may take the last. */
const GIVEN_ONCE = ['Authorization', 'Content-Type', 'Content-Encoding', 'Request-Timeout'];

/** Refuses requests whose headers say two things, and those without the `Host` that RFC 9112 asks for. */
export function refuseAmbiguousHeaders(app: FastifyInstance): void {
  // With `requireHostHeader` Node.js would refuse a missing Host by itself, without a problem.
  app.addHook('onRequest', ({ raw: { httpVersion, headersDistinct } }, _reply, done) => {
    const { length } = headersDistinct['host'] ?? [];
    const isWrong = length !== 1 && !(length === 0 && httpVersion === '1.0');
    if (isWrong) {
      done(malformed({ header: 'Host', detail: `is given once: got ${length}` }));
      return;
    }
    const timesGiven = (name: string): number => headersDistinct[name.toLowerCase()]?.length ?? 0;
    const header = GIVEN_ONCE.find((name) => timesGiven(name) > 1);
    if (header === undefined) done();
    else done(malformed({ header, detail: `is given once: got ${timesGiven(header)}` }));
  });
}
