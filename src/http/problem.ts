/** Where in the request something is wrong: an RFC 6901 pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
  readonly detail: string;
}

export interface ProblemOptions {
  /** Whether the same call may succeed later as it is. Default: no. */
  readonly retryable?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly Fault[];
  /** Members beside those that every problem has. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Why a call over HTTP is refused, as it is told: RFC 9457. */
export class Problem extends Error {
  readonly status: number;
  /** Stable, lower_snake_case. */
  readonly code: string;
  readonly options: ProblemOptions;

  constructor(status: number, code: string, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.options = options;
  }
}

/** What is wrong with the request itself, in its places. */
export function malformed(...errors: readonly [Fault, ...Fault[]]): Problem {
  const [{ pointer, parameter, header, detail }] = errors;
  const place = pointer ?? parameter ?? header ?? '';
  const more = errors.length === 1 ? '' : `; errors names ${errors.length - 1} more`;
  return new Problem(400, 'malformed_request', `${place || 'The body'} ${detail}${more}`, { errors });
}

/** A text of the caller's, as an answer repeats it. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
