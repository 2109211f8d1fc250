import type { IncomingMessage } from 'node:http';
import { withDeadline } from '../../deadline.ts';
import { notStarted, overloaded, Problem } from '../problems/problem.ts';

const FIRST_BYTES = 16 * 1024;

/**
 * Reads a body into one buffer that grows. Fastify keeps each piece by itself: pieces of one byte then take two hundred
 * times the memory of the body.
 *
 * @param limit in bytes
 * @param deadline by `performance.now()`; reading ends then
 * @param reserve reserves so many more bytes; returns false if there is no room for them
 * @throws Problem `body_too_large`, `deadline_exceeded`, `malformed_request`, `overloaded`
 */
export async function readBody(
  payload: IncomingMessage,
  limit: number,
  deadline: number,
  reserve: (bytes: number) => boolean,
): Promise<Buffer> {
  const declared = Number(payload.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  let bytes = Buffer.alloc(Math.min(limit, FIRST_BYTES));
  let reserved = Math.max(declared, bytes.length);
  if (!reserve(reserved)) throw noRoom();
  let length = 0;
  const reading = new Promise<Buffer>((resolve, reject) => {
    payload.on('data', (piece: Buffer) => {
      const end = length + piece.length;
      if (end > limit) {
        reject(tooLarge(limit));
        return;
      }
      if (end > bytes.length) {
        const larger = Math.min(limit, Math.max(2 * bytes.length, end));
        if (larger > reserved && !reserve(larger - reserved)) {
          reject(noRoom());
          return;
        }
        reserved = Math.max(reserved, larger);
        bytes = Buffer.concat([bytes], larger);
      }
      piece.copy(bytes, length);
      length = end;
    });
    payload.once('end', () => {
      resolve(bytes.subarray(0, length));
    });
    payload.once('error', () => {
      reject(new Problem('malformed_request', 'The body broke off'));
    });
  });
  try {
    return await withDeadline(deadline, reading, notStarted);
  } finally {
    // The answer to a refused call discards the rest of its body.
    payload.removeAllListeners('data').pause();
  }
}

const noRoom = (): Problem => overloaded('bodies of calls in flight take as many bytes as they may');

const tooLarge = (limit: number): Problem =>
  new Problem('body_too_large', `A body has at most ${limit} bytes (service.body_limit)`);
