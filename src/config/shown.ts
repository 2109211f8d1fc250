/** The number of characters of a value that an error shows. */
const LONGEST = 200;

/**
 * A value as an error shows it, without its secrets, since errors end up in logs. Text before an @ counts as a secret in every
 * key, because a URL may stand in the wrong one; in a URL without an @, everything but a port does.
 *
 * @param isUrl whether the key takes a URL
 */
export function shown(raw: unknown, isUrl: boolean): string {
  const text = masked(JSON.stringify(raw), isUrl);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** The name of a key as an error shows it: a URL may have been written in its place. */
export const shownKey = (key: string): string => {
  const text = key.replace(/[a-z+]+:\/\/.*/is, '***').replace(/.*@/s, '***@');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
};

function masked(text: string, isUrl: boolean): string {
  const withoutCredentials = text
    .replace(/(["\s,])([a-z][a-z\d+.-]*:\/\/)?[^"]*@/gi, '$1$2***@')
    .replace(/((?:pass|pwd|secret|token)[a-z]*=)[^&"]*/gi, '$1***');
  if (!isUrl || withoutCredentials.includes('***@')) return withoutCredentials;
  return withoutCredentials.replace(/"([^"]*)"/g, (quoted, content: string) => {
    const [, scheme, authority = ''] = /^([a-z][a-z\d+.-]*:\/\/)([^/?#]*)/i.exec(content) ?? [];
    if (scheme === undefined) return '"***"';
    return HOSTS.test(authority) ? quoted : `"${scheme}***"`;
  });
}

/** Hosts with their ports, or none. */
const HOSTS = /^(?:(?:\[[\da-f:.%]+\]|[^:,[\]]*)(?::\d{0,5})?(?:,|$))*$/i;
