/**
 * What the platform has, by its own types where the caller's program knows them: those of browsers or of Node.js. Named
 * themselves, the types of this client could not be compiled without either.
 */
export type Fetch = typeof globalThis extends { readonly fetch: infer Platform } ? Platform : unknown;
export type Signal = typeof globalThis extends {
  readonly AbortSignal: { readonly prototype: infer Platform };
}
  ? Platform
  : unknown;
