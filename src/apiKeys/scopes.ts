/** The scopes of keys. `admin` includes all others. `house` allows nothing by itself: it adds the accounts of the house. */
export const SCOPES = ['read', 'funds:write', 'orders:write', 'house', 'metrics', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Whether a key with these scopes may make calls that require `scope`. */
export function allows({ scopes }: { readonly scopes: readonly Scope[] }, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}
