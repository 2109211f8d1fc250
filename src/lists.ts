/** `Array.isArray`, but false for a revoked Proxy, for which that throws. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** The length of a list; `Infinity` if a Proxy gives no valid length. */
export function lengthOf(list: readonly unknown[]): number {
  try {
    const { length } = list;
    return Number.isSafeInteger(length) && length >= 0 ? length : Infinity;
  } catch {
    return Infinity;
  }
}
