import type { MixedItem } from '../commands/index.ts';
import type { Pincex } from '../pincex.ts';
import { limits } from '../limits.ts';
import type { BatchMode, ItemErrorCode, ItemResult } from '../results.ts';
import type { Commands } from './commands.ts';
import type { Fill, RecordedOrder, Step, Trade } from './steps.ts';
import { Tally } from './tally.ts';

type Results = readonly ItemResult<unknown>[];

/**
 * Runs the steps of a window as one batch, and counts the outcomes of their lines.
 *
 * Only one case cannot be planned ahead: a trade whose order is rejected in the same batch. The market maker then has to take
 * the place of that order before any later step, or the outcome would depend on the size of a batch. A batch therefore stops
 * at the first rejection, and the rest of the window is planned again. After one rejection more are likely, so from then on a
 * batch ends before such a trade.
 */
export class Runner {
  orders = 0;
  cancelled = 0;
  filled = 0;
  /** Trades between two orders of the recording. */
  pairedTrades = 0;
  /** Fills that settled wholly with the market maker. */
  unpairedFills = 0;
  /** Rests of paired fills that settled with the market maker, since the two sides were recorded with different sizes. */
  remainders = 0;
  /** Lines that the engine had applied before. */
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

  /** @param onBatch is called with the items of each batch after it is done */
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

  /** Returns the number of steps that were done, at least one. */
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

/** Whether a step is a trade between two orders, one of which may still be rejected. */
function dependsOn(undecided: ReadonlySet<RecordedOrder>, step: Step): boolean {
  if (step.kind !== 'trade' || step.buy === null || step.sell === null) return false;
  return undecided.has(step.buy.order) || undecided.has(step.sell.order);
}

/** The error of a step that failed; in a group, that of the item at fault. */
function faultOf(results: Results): ItemErrorCode | undefined {
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.error.code] : []));
  return codes.find((code) => code !== 'group_failed');
}

function isReplayed(results: Results): boolean {
  return results.every(({ status }) => status === 'replayed');
}
