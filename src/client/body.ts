import { PincexClientError } from './errors.ts';

/** Bytes of an answer. The service's largest answers, of 20,000 rows or 10,000 items, have about a quarter of them. */
const LONGEST_ANSWER = 64 * 1_048_576;
/** Characters of one line of a stream, which has one row. */
const LONGEST_LINE = 1_048_576;

/**
 * A reader of the body, chunk by chunk.
 *
 * @throws PincexClientError `http_error` for a redirect
 */
export function bodyReaderOf(response: Response): ReadableStreamDefaultReader<Uint8Array> | undefined {
  refuseRedirect(response);
  return response.body?.getReader();
}

/**
 * Reads the whole body as text.
 *
 * @throws PincexClientError `http_error` if the answer is a redirect, or longer than any answer of the service
 */
export async function textOf(response: Response): Promise<string> {
  const reader = bodyReaderOf(response);
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
export function requireLineLength(text: string, status: number, longest = LONGEST_LINE): void {
  if (text.length > longest) throw tooLong('a line', `${longest} characters`, status);
}

const tooLong = (what: string, most: string, status: number): PincexClientError =>
  new PincexClientError(
    'http_error',
    `The service never sends ${what} of more than ${most}, but this one is longer: does url lead to the service?`,
    {
      status,
      retryable: false,
    },
  );

/** A redirect is not followed: its target would get the key and the batch, or would get a GET in the place of the POST. */
function refuseRedirect({ type, status, headers }: Response): void {
  // A browser hides the status and the target of a redirect that is not followed.
  const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400);
  if (!isRedirect) return;
  const to = headers.get('location');
  const message = `The answer is a redirect${to === null ? '' : ` to ${JSON.stringify(to.slice(0, 200))}`}, which is not followed: give the URL of the service itself`;
  throw new PincexClientError('http_error', message, { status: status || 300, retryable: false });
}
