import { problemKinds, type ProblemCode } from './codes.ts';

/** Prefix of the member `type` of RFC 9457, a name that never changes. */
const TYPE = 'urn:pincex:problem:';

/** Place of a mistake in the request: an RFC 6901 pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
  readonly detail: string;
}

export interface ProblemOptions {
  /** `false` if this call can never succeed, though its code is retryable. Default: as the code says. */
  readonly retryable?: false;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly Fault[];
  /** Members of the answer beside those that every problem has. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A refusal of an HTTP call, answered as RFC 9457 asks. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  /** Whether the unchanged call may succeed later. */
  readonly retryable: boolean;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail);
    const { status, retryable } = problemKinds[code];
    this.code = code;
    this.status = status;
    this.retryable = options.retryable ?? retryable;
    this.options = options;
  }
}

/** Body of the answer. */
export function problemBody({ status, code, message, retryable, options }: Problem): Record<string, unknown> {
  return {
    type: `${TYPE}${code}`,
    title: titleOf(code),
    status,
    detail: message,
    code,
    retryable,
    ...(options.errors && { errors: options.errors }),
    ...options.extensions,
  };
}

/** `batch_too_large` as `Batch too large`. */
function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The request itself is wrong, in these places. */
export function malformed(...errors: readonly [Fault, ...Fault[]]): Problem {
  const [{ pointer, parameter, header, detail }] = errors;
  const place = pointer ?? parameter ?? header ?? '';
  const more = errors.length === 1 ? '' : `; errors names ${errors.length - 1} more`;
  return new Problem('malformed_request', `${place || 'The body'} ${detail}${more}`, { errors });
}

/** The service has more to do than it takes on. */
export function overloaded(reason: string): Problem {
  return new Problem('overloaded', `The service is busy: ${reason}; nothing was done`, {
    headers: { 'retry-after': '1' },
  });
}

/** The deadline of the client passed before the call began. */
export function notStarted(): Problem {
  return new Problem('deadline_exceeded', 'The deadline of Request-Timeout passed before the call began');
}

/** The service has been told to stop. */
export function draining(): Problem {
  return new Problem('draining', 'The service is stopping; nothing was done', {
    headers: { 'retry-after': '1' },
  });
}

/** A text of the client's, cut for an answer that repeats it. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The same in quotes. */
export const quoted = (text: string): string => JSON.stringify(shortened(text));
