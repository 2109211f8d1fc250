const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The longest time of a Node.js timer; a longer one fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Reads a duration such as `500ms`, `30s`, `2m` or `1h`.
 *
 * @returns milliseconds, 1 to 2,147,483,647 (about 24 days), or null where the text is no such duration.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  if (!match) return null;
  const ms = Number(match[1]) * MILLISECONDS[match[2] as keyof typeof MILLISECONDS];
  return ms >= 1 && ms <= LONGEST_MS ? ms : null;
}
