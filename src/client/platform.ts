/**
 * The platform's types, if the caller's program has them: those of browsers or of Node.js. If the client named them directly,
 * a program with neither could not compile the client's types.
 */
export type Fetch = typeof globalThis extends { readonly fetch: infer Platform } ? Platform : unknown;
export type Signal = typeof globalThis extends {
  readonly AbortSignal: { readonly prototype: infer Platform };
}
  ? Platform
  : unknown;
