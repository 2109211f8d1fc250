/** What a key may be good for. `admin` is good for everything, `house` alone for nothing: it adds the accounts of the house. */
export const SCOPES = ['read', 'funds:write', 'orders:write', 'house', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Whether somebody with these scopes may do what asks for `scope`. */
export function allows({ scopes }: { readonly scopes: readonly Scope[] }, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}
