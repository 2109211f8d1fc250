import { Problem } from '../problems/problem.ts';
import type { Begun } from '../../requests/requests.ts';

/** The problem of a call that may not run: its key or batch id was used before, or its answer could not be stored. */
export function refusalOf(begun: Extract<Begun, { kind: 'running' | 'reused' | 'full' }>): Problem {
  if (begun.kind === 'full') {
    const { bytes, most, room, freeInMs } = begun;
    const detail = `The stored answers of this key take ${bytes} bytes, and its limit is ${most} now: a third of what is free of service.idempotency_room, ${room}; nothing was done; Retry-After says when the first of them expires`;
    return new Problem('quota_exceeded', detail, {
      headers: { 'Retry-After': String(Math.ceil(freeInMs / 1_000)) },
    });
  }
  if (begun.kind === 'running') {
    const detail = 'The same request is being executed; ask again for its result in a moment';
    return new Problem('request_in_progress', detail, {
      headers: { 'Retry-After': '1' },
      extensions: { batchId: begun.batchId },
    });
  }
  return begun.what === 'key'
    ? new Problem(
        'idempotency_key_reused',
        'This Idempotency-Key was sent before with other content; give each request a key of its own',
      )
    : new Problem(
        'batch_id_reused',
        'This key gave this batchId to another request; give each batch an id of its own',
      );
}
