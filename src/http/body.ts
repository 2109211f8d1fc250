import type { IncomingMessage } from 'node:http';
import { notStarted, overloaded } from './admission.ts';
import { withDeadline } from '../deadline.ts';
import { Problem } from './problem.ts';

/**
 * Reads a body, each piece to its place at once: kept by themselves, as Fastify does, pieces of a byte each take two
 * hundred times the memory of the body.
 *
 * @param limit in bytes
 * @param deadline by `performance.now()`: what has not come by then is passed over
 * @param hold takes so many more bytes, or returns false where there is no room for them
 * @throws Problem `body_too_large`, `deadline_exceeded`, `malformed_request`, `overloaded`
 */
export async function readBody(
  payload: IncomingMessage,
  limit: number,
  deadline: number,
  hold: (bytes: number) => boolean,
): Promise<Buffer> {
  const told = Number(payload.headers['content-length'] ?? 0);
  if (told > limit) throw tooLarge(limit);
  let bytes = Buffer.alloc(Math.min(limit, FIRST_BYTES));
  let held = Math.max(told, bytes.length);
  if (!hold(held)) throw noRoom();
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
        if (larger > held && !hold(larger - held)) {
          reject(noRoom());
          return;
        }
        held = Math.max(held, larger);
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
    // The rest, if there is one, is passed over with the answer.
    payload.removeAllListeners('data').pause();
  }
}

const FIRST_BYTES = 16 * 1024;

const noRoom = (): Problem => overloaded('as many bytes of bodies are in hand as may be');

const tooLarge = (limit: number): Problem =>
  new Problem('body_too_large', `A body has at most ${limit} bytes (service.body_limit)`);
