import { problemKinds, type ProblemCode } from './problemCodes.ts';

/** Where in the request something is wrong: an RFC 6901 pointer into the body, or the name of a parameter or header. */
export interface Fault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
  readonly detail: string;
}

export interface ProblemOptions {
  /** This case can never pass, though others of its code may. Default: what the code says. */
  readonly retryable?: false;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly Fault[];
  /** Members beside those that every problem has. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Why a call over HTTP is refused, as it is told: RFC 9457. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  /** Whether the same call may succeed later as it is. */
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

/** What is wrong with the request itself, in its places. */
export function malformed(...errors: readonly [Fault, ...Fault[]]): Problem {
  const [{ pointer, parameter, header, detail }] = errors;
  const place = pointer ?? parameter ?? header ?? '';
  const more = errors.length === 1 ? '' : `; errors names ${errors.length - 1} more`;
  return new Problem('malformed_request', `${place || 'The body'} ${detail}${more}`, { errors });
}

/** A text of the caller's, as an answer repeats it. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
