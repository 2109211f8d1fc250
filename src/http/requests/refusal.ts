import { Problem } from '../problem.ts';
import type { Begun } from './requests.ts';

/** What a call is told whose key or batch id is another's, or its own and still under way. */
export function refusalOf(begun: Extract<Begun, { kind: 'running' | 'reused' }>): Problem {
  if (begun.kind === 'running') {
    const detail = 'The same request is being executed; ask again for its result in a moment';
    return new Problem(409, 'request_in_progress', detail, {
      headers: { 'Retry-After': '1' },
      retryable: true,
      extensions: { batchId: begun.batchId },
    });
  }
  return begun.what === 'key'
    ? new Problem(
        422,
        'idempotency_key_reused',
        'This Idempotency-Key was sent before with other content; give each request a key of its own',
      )
    : new Problem(
        422,
        'batch_id_reused',
        'This batchId was given to another request; give each batch an id of its own',
      );
}
