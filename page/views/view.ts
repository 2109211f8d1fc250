import type { ComponentType } from 'preact';

/** The parts of the address that a view's pattern names. */
export type Params = Readonly<Record<string, string>>;

export interface ViewOf {
  /** Of the address: `user/:userId`. */
  readonly pattern: string;
  /** Of the window. */
  readonly title: (params: Params) => string;
  readonly View: ComponentType<{ readonly params: Params }>;
}
