/** A database URL without its passwords, to be shown. */
export function withoutPassword(url: string): string {
  const shown = url.replaceAll(/(?<=[?&])(ssl)?password=[^&#]*&?/gi, '').replace(/[?&]$/, '');
  if (!URL.canParse(shown)) {
    // The URL has several hosts, or a password with characters that should be percent-encoded.
    return shown.replace(/^([a-z]+:\/\/[^:@/]*):.*@/i, '$1@');
  }
  const parsed = new URL(shown);
  if (parsed.password === '') return shown;
  parsed.password = '';
  return parsed.href;
}
