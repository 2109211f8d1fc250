import { Book } from './book/Book.tsx';
import { Markets } from './book/Markets.tsx';
import { Database } from './Database.tsx';
import { Live } from './live/Live.tsx';
import { lookups } from './lookup/lookups.ts';
import type { ViewOf } from './view.ts';

/** Each view of the page by its address. */
export const views: readonly ViewOf[] = [
  { pattern: '', title: () => 'Live', View: Live },
  { pattern: 'book', title: () => 'Order books', View: Markets },
  { pattern: 'book/:symbol', title: ({ symbol = '' }) => `Order book of ${symbol}`, View: Book },
  { pattern: 'database', title: () => 'Database', View: Database },
  ...lookups,
];
