import type { MixedItem } from '../commands/index.ts';
import type { Pincex } from '../pincex.ts';
import { limits } from '../limits.ts';
import type { BatchMode, ItemErrorCode, ItemResult } from '../results.ts';
import type { Commands } from './commands.ts';
import type { Fill, RecordedOrder, Step, Trade } from './steps.ts';
import { Tally } from './tally.ts';

type Results = readonly ItemResult<unknown>[];

/**
 * Runs the steps of a window as one batch, and counts what came of the lines behind them.
 *
 * The one thing that cannot be planned ahead is a trade one of whose orders is rejected in the same batch: then
 * the market maker has to take the place of that order, and before anything later happens, or the outcome would
 * depend on the size of a batch. A batch therefore stops at the first rejection, and the rest of the window is planned
 * anew. One rejection is a sign of more: from then on a batch ends before such a trade instead.
 */
export class Runner {
  orders = 0;
  cancelled = 0;
  filled = 0;
  /** Trades between two orders of the recording. */
  pairedTrades = 0;
  /** Fills that the market maker took whole. */
  unpairedFills = 0;
  /** Rests of paired fills that the market maker took: the two sides were recorded with different sizes. */
  remainders = 0;
  /** Lines that the engine had done before. */
  replayed = 0;
  /** Lines of orders that were rejected. */
  ofRejectedOrders = 0;
  readonly rejected = new Tally<ItemErrorCode>();
  batches = 0;
  readonly #pincex: Pincex;
  readonly #commands: Commands;
  readonly #onBatch: (items: readonly MixedItem[]) => Promise<void>;
  readonly #rejectedOrders = new WeakSet<RecordedOrder>();
  readonly #pairedFills = new WeakSet<Fill>();

  /** @param onBatch is told of the items of each batch as soon as it is done */
  constructor(
    pincex: Pincex,
    commands: Commands,
    onBatch: (items: readonly MixedItem[]) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#pincex = pincex;
    this.#commands = commands;
    this.#onBatch = onBatch;
  }

  async run(window: readonly Step[]): Promise<void> {
    let rest = window;
    while (rest.length > 0) rest = rest.slice(await this.#runBatch(rest));
  }

  /** Returns how many of the steps were done, at least one. */
  async #runBatch(steps: readonly Step[]): Promise<number> {
    const expectsRejections = this.rejected.total > 0;
    const items: MixedItem[] = [];
    const planned: { step: Step; end: number }[] = [];
    const undecided = new Set<RecordedOrder>();
    for (const step of steps) {
      if (expectsRejections && dependsOn(undecided, step)) break;
      const more = this.#commands.itemsOf(step, this.#isRejected);
      if (items.length + more.length > limits.batches.items) break;
      items.push(...more);
      planned.push({ step, end: items.length });
      if (step.kind === 'place') undecided.add(step.order);
    }
    const results = await this.#execute(items, expectsRejections ? 'partial' : 'stop_on_error');
    let done = 0;
    let begin = 0;
    for (const { step, end } of planned) {
      const ofStep = results.slice(begin, end);
      if (ofStep.some(({ status }) => status === 'skipped')) break;
      this.#count(step, ofStep);
      begin = end;
      done++;
    }
    return done;
  }

  async #execute(items: readonly MixedItem[], mode: BatchMode): Promise<Results> {
    if (items.length === 0) return [];
    this.batches++;
    const { results } = await this.#pincex.execute(items, { mode });
    await this.#onBatch(items);
    return results;
  }

  readonly #isRejected = (order: RecordedOrder): boolean => this.#rejectedOrders.has(order);

  #count(step: Step, results: Results): void {
    if (step.kind === 'trade') {
      this.#countTrade(step, results);
      return;
    }
    const code = faultOf(results);
    if (this.#isRejected(step.order)) this.ofRejectedOrders++;
    else if (code !== undefined) {
      this.rejected.add(code);
      if (step.kind === 'place') this.#rejectedOrders.add(step.order);
    } else {
      if (step.kind === 'place') this.orders++;
      else this.cancelled++;
      if (isReplayed(results)) this.replayed++;
    }
  }

  #countTrade({ buy, sell, completes }: Trade, results: Results): void {
    const code = faultOf(results);
    const fills = [buy, sell].filter((fill) => fill !== null).filter(({ order }) => !this.#isRejected(order));
    if (code === undefined && fills.length === 2) {
      this.pairedTrades++;
      for (const fill of fills) this.#pairedFills.add(fill);
    } else if (code === undefined && fills.some((fill) => this.#pairedFills.has(fill))) this.remainders++;
    for (const fill of completes) {
      if (this.#isRejected(fill.order)) this.ofRejectedOrders++;
      else if (code !== undefined) this.rejected.add(code);
      else {
        this.filled++;
        if (!this.#pairedFills.has(fill)) this.unpairedFills++;
        if (isReplayed(results)) this.replayed++;
      }
    }
  }
}

/** Whether a step is a trade between two orders, one of which may yet be rejected. */
function dependsOn(undecided: ReadonlySet<RecordedOrder>, step: Step): boolean {
  if (step.kind !== 'trade' || step.buy === null || step.sell === null) return false;
  return undecided.has(step.buy.order) || undecided.has(step.sell.order);
}

/** Why a step failed; in a group that is the item at fault. */
function faultOf(results: Results): ItemErrorCode | undefined {
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.error.code] : []));
  return codes.find((code) => code !== 'group_failed');
}

function isReplayed(results: Results): boolean {
  return results.every(({ status }) => status === 'replayed');
}
