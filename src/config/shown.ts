/** How much of a value an error shows. */
const LONGEST = 200;

/**
 * A value as an error may show it, which ends up in logs: without what may be a secret. Whatever stands before an @ is one, of any
 * key, since a URL may have come to the wrong place; of a URL what is no port, too, where there is no @.
 *
 * @param isUrl whether a URL is meant to stand there
 */
export function shown(raw: unknown, isUrl: boolean): string {
  const text = masked(JSON.stringify(raw), isUrl);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** A key of a file: a URL may have come there, too. */
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
