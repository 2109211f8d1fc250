import { PincexClientError } from './errors.ts';

/** Bytes of an answer; the largest that the service gives, of 20,000 rows or 10,000 items, has about a quarter of it. */
export const LONGEST_ANSWER = 64 * 1_048_576;
/** Characters of one line of a stream, which tells one row. */
export const LONGEST_LINE = 1_048_576;

/**
 * The pieces of an answer, as they come.
 *
 * @throws PincexClientError `http_error` for a redirect
 */
export function piecesOf(response: Response): ReadableStreamDefaultReader<Uint8Array> | undefined {
  refuseRedirect(response);
  return response.body?.getReader();
}

/**
 * All of an answer as text.
 *
 * @throws PincexClientError `http_error` where it is a redirect, or longer than any of the service's
 */
export async function textOf(response: Response): Promise<string> {
  const reader = piecesOf(response);
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > LONGEST_ANSWER) throw tooLong('an answer', `${LONGEST_ANSWER} bytes`, response.status);
    text += decoder.decode(value, { stream: true });
  }
}

/** @throws PincexClientError `http_error` */
export function requireLine(text: string, status: number): void {
  if (text.length > LONGEST_LINE) throw tooLong('a line', `${LONGEST_LINE} characters`, status);
}

const tooLong = (what: string, most: string, status: number): PincexClientError =>
  new PincexClientError(
    'http_error',
    `The service never sends ${what} of more than ${most}: this one is longer`,
    {
      status,
      retryable: false,
    },
  );

/** Whoever answers with a redirect would get the batch and the key, or tell of a call that was never made. */
function refuseRedirect({ type, status, headers }: Response): void {
  // A browser does not tell where to.
  const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400);
  if (!isRedirect) return;
  const to = headers.get('location');
  const message = `The answer is a redirect${to === null ? '' : ` to ${JSON.stringify(to.slice(0, 200))}`}, which is not followed: give the URL of the service itself`;
  throw new PincexClientError('http_error', message, { status: status || 300, retryable: false });
}
