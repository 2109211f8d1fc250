import { parseItem } from 'structured-headers';
import { limits } from '../../limits.ts';
import { Problem } from '../problems/problem.ts';

/**
 * The value of an `Idempotency-Key` header, a String of structured fields (RFC 8941) such as `"8e03978e-40d5"`; `null`
 * without the header. Parameters have no meaning yet and are ignored, as that RFC asks for.
 *
 * @throws Problem `invalid_idempotency_key`
 */
export function readIdempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null;
  // Two headers, joined by a comma as HTTP has it, are no String and are refused.
  const key = stringOf(typeof header === 'string' ? header : header.join(', '));
  if (key !== undefined && key.length > 0 && key.length <= limits.requests.keyLength) return key;
  const detail = `must be one string in double quotes, such as "8e03978e-40d5-43e8-bc93-6894a57f9324", of 1 to ${limits.requests.keyLength} printable ASCII characters`;
  throw new Problem('invalid_idempotency_key', `Idempotency-Key ${detail}`, {
    errors: [{ header: 'Idempotency-Key', detail }],
  });
}

function stringOf(header: string): string | undefined {
  try {
    const value: unknown = parseItem(header)[0];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
