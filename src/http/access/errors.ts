import { Problem, type Fault } from '../problem.ts';
import type { Caller, Refusal } from './authenticate.ts';
import type { Quota, Taking } from './rateLimit.ts';
import type { Scope } from '../../apiKeys/scopes.ts';

const FORM = 'Authorization: Bearer pincex_<id>_<secret>';

const DETAILS: Readonly<Record<Refusal, string>> = {
  missing: `This call needs a key: send ${FORM}`,
  malformed: `The Authorization header is not of the form ${FORM}`,
  not_valid: 'This key is not valid',
};

/** What browsers show their users, some of them. */
const PROMPT = 'Basic realm="Pincex: any name, and an API key as the password"';

export function unauthorized(refusal: Refusal, isPage: boolean): Problem {
  const schemes = isPage ? `${PROMPT}, Bearer` : 'Bearer';
  return new Problem('unauthorized', DETAILS[refusal], { headers: { 'WWW-Authenticate': schemes } });
}

export function forbidden({ scopes }: Caller, needed: readonly Scope[]): Problem {
  const detail = `This call needs the scope ${needed.join(' and ')}; the key has ${scopes.join(', ')}`;
  return new Problem('forbidden', detail);
}

/** The key is good for the call, but not for what the call names in these places. */
export function outOfBounds(errors: readonly [Fault, ...Fault[]]): Problem {
  const [{ pointer = '', detail }] = errors;
  const more = errors.length === 1 ? '' : `; errors names ${errors.length - 1} more`;
  return new Problem('forbidden', `${pointer} ${detail}${more}`, { errors });
}

/** The call answers for more than the key is bound to. */
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
    // Nothing to wait for, so no Retry-After.
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
