import type { ComponentType } from 'preact';
import { Book } from './book/Book.tsx';
import { Markets } from './book/Markets.tsx';
import { Database } from './Database.tsx';
import { Live } from './live/Live.tsx';
import { lookups } from './lookup/lookups.ts';

/** The parts of the address that a view's pattern names. */
export type Params = Readonly<Record<string, string>>;

export interface ViewOf {
  /** Of the address: `user/:userId`. */
  readonly pattern: string;
  /** Of the window. */
  readonly title: (params: Params) => string;
  readonly View: ComponentType<{ readonly params: Params }>;
}

/** Each view of the page by its address. */
export const views: readonly ViewOf[] = [
  { pattern: '', title: () => 'Live', View: Live },
  { pattern: 'book', title: () => 'Order books', View: Markets },
  { pattern: 'book/:symbol', title: ({ symbol = '' }) => `Order book of ${symbol}`, View: Book },
  { pattern: 'database', title: () => 'Database', View: Database },
  ...lookups,
];
