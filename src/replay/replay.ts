import type { AuditReport } from '../audit/audit.ts';
import type { Market } from '../catalog/catalog.ts';
import type { MixedItem } from '../commands/index.ts';
import type { Deposit } from '../commands/transactions.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import type { Pincex } from '../pincex.ts';
import { Commands } from './commands.ts';
import type { OrderEvent } from './recording/events.ts';
import { deposits, type Funding } from './funding.ts';
import { Lifecycle } from './lifecycle.ts';
import { countOpenOrders } from './openOrders.ts';
import { Pairing } from './pairing.ts';
import { Runner } from './runner.ts';
import type { Step } from './steps.ts';
import { Users } from './users.ts';

export interface ReplayOptions {
  /** The number of lines in one batch. */
  readonly batch: number;
  /** The number of users that the orders are spread over. */
  readonly users: number;
  readonly funding: Funding;
  readonly symbol: string;
  /** Returns the number of statements so far. */
  readonly statements: () => number;
  /** Called with the items of each batch after it is done, and awaited before the next one. */
  readonly onBatch?: (items: readonly MixedItem[]) => Promise<void>;
  /** Called after each batch with the number of lines that are done. */
  readonly onProgress?: (events: number) => void;
}

/** The outcome of a recording. Every line is counted once: in orders, cancelled, filled, rejected or skipped. */
export interface ReplaySummary {
  readonly events: number;
  readonly orders: number;
  readonly cancelled: number;
  readonly filled: number;
  /** Trades between two orders of the recording. */
  readonly pairedTrades: number;
  /** Fills that settled wholly with the market maker, since no other side was found. */
  readonly unpairedFills: number;
  /** Rests of paired fills that settled with the market maker, since the recorded sizes of the two sides differ. */
  readonly remainders: number;
  /** Cancels with another rest than the fills before them left. */
  readonly cancelledAtOtherVolume: number;
  /** Lines without an effect, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Lines that the engine rejected, by code. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Orders of the recording that are open in the tables. */
  readonly openOrders: number;
  readonly batches: number;
  readonly statements: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Lines that an earlier replay of the same recording applied. */
  readonly replayed: number;
  readonly audit: AuditReport;
}

/** A summary names only the first rows at fault; `pincex audit` has more. */
const NAMED_FINDINGS = 10;

const FUNDING_BATCH = 1_000;

/**
 * Runs recorded events through the engine in their order, each window of them as one batch, and audits the books. A second
 * run with the same users and funding changes nothing, and an interrupted replay is continued.
 *
 * @param events `null` for a malformed line
 * @throws PincexError `invalid_argument`, and if a whole batch fails
 */
export async function replay(
  pincex: Pincex,
  events: AsyncIterable<OrderEvent | null> | Iterable<OrderEvent | null>,
  { batch, users: userCount, funding, symbol, statements, onBatch, onProgress }: ReplayOptions,
): Promise<ReplaySummary> {
  const began = performance.now();
  const statementsBefore = statements();
  const users = new Users(userCount);
  const lifecycle = new Lifecycle();
  const pairing = new Pairing();
  const market = await marketOf(pincex, symbol);
  const runner = new Runner(pincex, new Commands(market, users), onBatch);
  const fundingBatches = await fund(pincex, deposits(funding, market, users.ids));

  let count = 0;
  let window: Step[] = [];
  for await (const event of events) {
    window.push(...pairing.next(lifecycle.next(event), event?.time));
    count++;
    if (count % batch !== 0) continue;
    await runner.run(window);
    window = [];
    onProgress?.(count);
  }
  await runner.run([...window, ...pairing.end()]);
  onProgress?.(count);

  const seconds = (performance.now() - began) / 1_000;
  const ran = statements() - statementsBefore;
  const { skipped, cancelledAtOtherVolume } = lifecycle;
  skipped.add('order_rejected', runner.ofRejectedOrders);
  const audit = await pincex.audit();
  return {
    events: count,
    orders: runner.orders,
    cancelled: runner.cancelled,
    filled: runner.filled,
    pairedTrades: runner.pairedTrades,
    unpairedFills: runner.unpairedFills,
    remainders: runner.remainders,
    cancelledAtOtherVolume,
    skipped: skipped.toJSON(),
    rejected: runner.rejected.toJSON(),
    openOrders: await countOpenOrders(pincex, symbol),
    batches: fundingBatches + runner.batches,
    statements: ran,
    seconds: Math.round(seconds * 1_000) / 1_000,
    eventsPerSecond: Math.round(count / seconds),
    replayed: runner.replayed,
    audit: { ...audit, findings: audit.findings.slice(0, NAMED_FINDINGS) },
  };
}

async function marketOf(pincex: Pincex, symbol: string): Promise<Market> {
  const { markets } = await pincex.catalog.get();
  const market = markets.get(symbol);
  if (market !== undefined) return market;
  const known = [...markets.keys()].join(', ');
  throw new PincexError('invalid_argument', `symbol must be one of ${known}: got ${describe(symbol)}`);
}

/** Returns the number of batches. */
async function fund(pincex: Pincex, all: readonly Deposit[]): Promise<number> {
  let batches = 0;
  for (let begin = 0; begin < all.length; begin += FUNDING_BATCH, batches++) {
    const { failedItems } = await pincex.bookkeeper.batchDeposit(all.slice(begin, begin + FUNDING_BATCH));
    for (const { message } of failedItems.values()) throw new PincexError('invalid_argument', message);
  }
  return batches;
}
