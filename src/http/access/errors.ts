import { Problem, type Fault } from '../problems/problem.ts';
import type { Caller, Refusal } from './authenticate.ts';
import type { Quota, Taking } from './rateLimit.ts';
import type { Scope } from '../../apiKeys/scopes.ts';

const HEADER_FORM = 'Authorization: Bearer pincex_<id>_<secret>';

const DETAILS: Readonly<Record<Refusal, string>> = {
  missing: `This call needs a key: send ${HEADER_FORM}`,
  malformed: `The Authorization header is not of the form ${HEADER_FORM}`,
  not_valid: 'This key is not valid',
};

/** Some browsers show it to their user. */
const PROMPT = 'Basic realm="Pincex: any name, and an API key as the password"';

export function unauthorized(refusal: Refusal, isPage: boolean): Problem {
  const schemes = isPage ? `${PROMPT}, Bearer` : 'Bearer';
  return new Problem('unauthorized', DETAILS[refusal], { headers: { 'WWW-Authenticate': schemes } });
}

export function forbidden({ scopes }: Caller, needed: readonly Scope[]): Problem {
  const detail = `This call needs the scope ${needed.join(' and ')}; the key has ${scopes.join(', ')}`;
  return new Problem('forbidden', detail);
}

/** The key has the scopes for the call, but is not bound to what the call names in these places. */
export function outOfBounds(errors: readonly [Fault, ...Fault[]]): Problem {
  const [{ parameter, pointer = '', detail }] = errors;
  const more = errors.length === 1 ? '' : `; errors names ${errors.length - 1} more`;
  return new Problem('forbidden', `${parameter ?? pointer} ${detail}${more}`, { errors });
}

/** The call answers for all users or markets, and the key is bound to some of them. */
export function needsUnbound(what: readonly ('users' | 'markets')[]): Problem {
  const detail = `This call answers for all ${what.join(' and ')}: it needs a key that is bound to none of them`;
  return new Problem('forbidden', detail);
}

export function notFromHere(address: string): Problem {
  return new Problem('forbidden', `The key may not be used from ${address}`);
}

export function rateLimited(
  outcome: Exclude<Taking['outcome'], 'taken'>,
  { limit, remaining, resetSeconds, hasDebt }: Quota,
  items: number,
): Problem {
  if (outcome === 'never') {
    // Waiting does not help, so there is no Retry-After.
    const detail = `A call of ${items} items, or as many KiB, can never pass: the key may send ${limit} a second; send smaller batches`;
    return new Problem('rate_limited', detail, { retryable: false });
  }
  const detail = hasDebt
    ? `The key may send ${limit} items a second, and its calls have found more rows than that: they are paid in ${resetSeconds} s`
    : `The key may send ${limit} items a second: ${remaining} are left, and the call has ${items}, or as many KiB`;
  return new Problem('rate_limited', detail, {
    headers: { 'Retry-After': String(Math.max(resetSeconds, 1)) },
  });
}
