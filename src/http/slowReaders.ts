import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { limits } from '../limits.ts';

/**
 * Cuts off clients that take nothing of an answer for so long, or less of it than the least rate: an answer takes memory
 * while it waits, and a stream a place and a cursor. The client can go on behind it: a stream has its cursors, a batch its
 * outcome.
 */
export function cutSlowReaders(app: FastifyInstance, patienceMs: number): void {
  app.addHook('onSend', (_request, { raw }, payload, done) => {
    raw.setTimeout(patienceMs, () => {
      // Where nothing is there to be taken, it is the client that waits: for the next page of a stream.
      if (raw.writableLength > 0) raw.destroy();
    });
    const isLong = typeof payload !== 'string' || payload.length > limits.http.slowAnswer.characters;
    if (isLong && payload !== undefined && payload !== null) requireRate(raw, patienceMs);
    done();
  });
}

/** Looks every so often at what the client has taken since, where more was there to be taken all the time. */
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
