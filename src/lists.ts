/** `Array.isArray`, which throws for a Proxy that was revoked. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** How long a list is; for ever, where a Proxy does not tell. */
export function lengthOf(list: readonly unknown[]): number {
  try {
    const { length } = list;
    return Number.isSafeInteger(length) && length >= 0 ? length : Infinity;
  } catch {
    return Infinity;
  }
}
