/** An address of the page: the part of a URL behind `#`, such as `#/user/ann/account/USD?from=…`. */
export interface Address {
  /** Decoded: `['user', 'ann', 'account', 'USD']`; empty for `#/`. */
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export function parseAddress(fragment: string): Address {
  const [path = '', ...rest] = fragment.replace(/^#?\/?/, '').split('?');
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(rest.join('?'))) };
}

/** The address as `href`. Parameters without a value are left out. */
export function hrefOf(
  parts: readonly string[],
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const given = Object.entries(query).filter((one): one is [string, string] => Boolean(one[1]));
  const path = `#/${parts.map(encoded).join('/')}`;
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

/** The parameters of a pattern such as `user/:userId`; null if the parts do not fit it. */
export function match(pattern: string, parts: readonly string[]): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/').filter((part) => part !== '');
  if (wanted.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [n, want] of wanted.entries()) {
    const part = parts[n] ?? '';
    if (want.startsWith(':')) params[want.slice(1)] = part;
    else if (want !== part) return null;
  }
  return params;
}

/** A lone surrogate, which cannot be encoded, becomes a replacement character: no id has one. */
const encoded = (part: string): string => encodeURIComponent(part.toWellFormed());

/** Somebody may have typed the address: a part that is not encoded is itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
