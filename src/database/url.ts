/** A URL of a database as it may be shown: without its passwords, whatever else is in it. */
export function withoutPassword(url: string): string {
  const shown = url.replaceAll(/(?<=[?&])(ssl)?password=[^&#]*&?/gi, '').replace(/[?&]$/, '');
  if (!URL.canParse(shown)) {
    // Several hosts, or a password with characters that belong to the form of a URL.
    return shown.replace(/^([a-z]+:\/\/[^:@/]*):.*@/i, '$1@');
  }
  const parsed = new URL(shown);
  if (parsed.password === '') return shown;
  parsed.password = '';
  return parsed.href;
}
