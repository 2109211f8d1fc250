import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { limits } from '../../limits.ts';

/**
 * Cuts off clients that take nothing of an answer for `patienceMs`, or less than the least rate: an unread answer takes
 * memory, an unread stream also a place and a database cursor. Such a client loses nothing: a stream goes on behind the
 * last cursor that was read, and a batch can be asked for its outcome.
 */
export function cutSlowReaders(app: FastifyInstance, patienceMs: number): void {
  app.addHook('onSend', (_request, { raw }, payload, done) => {
    raw.setTimeout(patienceMs, () => {
      // With nothing left to take, it is the client that waits, for the next page of a stream.
      if (raw.writableLength > 0) raw.destroy();
    });
    const isLong = typeof payload !== 'string' || payload.length > limits.http.slowAnswer.characters;
    if (isLong && payload !== undefined && payload !== null) requireRate(raw, patienceMs);
    done();
  });
}

/** Measures the rate in windows of `everyMs`, counting only windows that began with something left to take. */
function requireRate(response: ServerResponse, everyMs: number): void {
  const { socket } = response;
  if (socket === null) return;
  const taken = (): number => socket.bytesWritten - socket.writableLength;
  let before = taken();
  let hadMore = false;
  const timer = setInterval(() => {
    const since = taken() - before;
    before += since;
    if (
      hadMore &&
      response.writableLength > 0 &&
      since < (limits.http.slowAnswer.bytesPerSecond * everyMs) / 1_000
    ) {
      response.destroy();
    }
    hadMore = response.writableLength > 0;
  }, everyMs);
  timer.unref();
  response.once('close', () => {
    clearInterval(timer);
  });
}
