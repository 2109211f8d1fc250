import { FEES } from '../books/funds.ts';
import { Rejection } from '../books/rejection.ts';
import type { Note } from '../books/rows.ts';
import type { Catalog, Currency, Market } from '../catalog/catalog.ts';
import { describe } from '../describe.ts';
import { limits } from '../limits.ts';
import { parseAmount } from '../money/amount.ts';
import type { ItemErrorCode } from '../results.ts';

/** Reads the fields of one item. Refuses it with a message that names the field, its value and the accepted values. */
export class Fields {
  readonly #item: Readonly<Record<string, unknown>>;
  readonly #catalog: Catalog;

  /** @param item a copy, whose fields do not change between reads */
  constructor(item: Readonly<Record<string, unknown>>, catalog: Catalog) {
    this.#item = item;
    this.#catalog = catalog;
  }

  /** An id in any form that the caller uses. */
  id(field: string): string {
    return this.#id(field, this.#item[field]);
  }

  /** The id of a new thing. It must not look like another id to people. */
  newId(field: string): string {
    const id = this.id(field);
    this.#requireDistinct(field, id);
    return id;
  }

  /** The id of a user that may be new. */
  newUserId(field = 'userId'): string {
    const id = this.userId(field);
    if (id !== FEES) this.#requireDistinct(field, id);
    return id;
  }

  optionalId(field: string): string | null {
    const value = this.#item[field];
    return value === undefined || value === null ? null : this.#id(field, value);
  }

  /** The id of a user, or of the account that collects the fees. */
  userId(field = 'userId'): string {
    const value = this.#item[field];
    return value === FEES ? FEES : this.#id(field, value);
  }

  currency(field = 'currency'): Currency {
    const code = this.#item[field];
    const currency = typeof code === 'string' ? this.#catalog.currencies.get(code) : undefined;
    if (currency === undefined) {
      throw this.refusal('unknown_currency', field, 'must be the code of a currency that was added');
    }
    return currency;
  }

  market(field = 'symbol'): Market {
    const symbol = this.#item[field];
    const market = typeof symbol === 'string' ? this.#catalog.markets.get(symbol) : undefined;
    if (market === undefined) {
      throw this.refusal('unknown_market', field, 'must be the symbol of a market that was added');
    }
    return market;
  }

  /** An amount of the currency, more than zero. */
  amount(field: string, { scale }: { readonly scale: number }): bigint {
    return this.#positive('invalid_amount', field, scale);
  }

  /** An amount of the currency; zero if the field is absent. */
  amountOrZero(field: string, { scale }: { readonly scale: number }): bigint {
    return this.#has(field) ? this.#decimal('invalid_amount', field, scale) : 0n;
  }

  optionalAmount(field: string, currency: { readonly scale: number }): bigint | null {
    return this.#has(field) ? this.amount(field, currency) : null;
  }

  price(field: string, market: Market): bigint {
    const price = this.#positive('invalid_price', field, market.priceScale);
    if (price % market.tick !== 0n) {
      const problem = `must be a multiple of ${market.tickSize}, the tick of ${market.symbol}`;
      throw this.refusal('invalid_price', field, problem);
    }
    return price;
  }

  optionalPrice(field: string, market: Market): bigint | null {
    return this.#has(field) ? this.price(field, market) : null;
  }

  quantity(field: string, market: Market): bigint {
    const quantity = this.#positive('invalid_quantity', field, market.base.scale);
    if (quantity % market.lot !== 0n) {
      const problem = `must be a multiple of ${market.lotSize}, the lot of ${market.symbol}`;
      throw this.refusal('invalid_quantity', field, problem);
    }
    return quantity;
  }

  optionalQuantity(field: string, market: Market): bigint | null {
    return this.#has(field) ? this.quantity(field, market) : null;
  }

  /** A positive decimal of at most `scale` decimals that is not money, such as an average or a percentage. */
  optionalDecimal(code: ItemErrorCode, field: string, scale: number): bigint | null {
    return this.#has(field) ? this.#positive(code, field, scale) : null;
  }

  oneOf<Choice extends string>(code: ItemErrorCode, field: string, choices: readonly Choice[]): Choice {
    const value = this.#item[field];
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw this.refusal(code, field, `must be one of ${choices.join(', ')}`);
    return choice;
  }

  optionalOneOf<Choice extends string>(
    code: ItemErrorCode,
    field: string,
    choices: readonly Choice[],
  ): Choice | null {
    return this.#has(field) ? this.oneOf(code, field, choices) : null;
  }

  flag(field: string): boolean {
    const value = this.#item[field] ?? false;
    if (typeof value !== 'boolean') throw this.refusal('invalid_item', field, 'must be true or false');
    return value;
  }

  /** A moment, as ISO 8601 in UTC with milliseconds. */
  optionalTime(field: string): string | null {
    if (!this.#has(field)) return null;
    const value = this.#item[field];
    const time = typeof value === 'string' ? parseTime(value) : value instanceof Date ? value : null;
    const year = time?.getUTCFullYear() ?? NaN;
    if (time === null || !(year >= 1970 && year <= 9999)) {
      throw this.refusal('invalid_time', field, 'must be a time such as "2030-01-31T12:00:00Z"');
    }
    return time.toISOString();
  }

  /** The caller's reason and metadata; `undefined` if it gave neither. */
  note(): Note | undefined {
    const reason = this.#has('reason') ? this.#reason(this.#item['reason']) : null;
    // Metadata was serialized when the item was copied.
    const metadata = typeof this.#item['metadata'] === 'string' ? this.#item['metadata'] : null;
    return reason === null && metadata === null ? undefined : { reason, metadata };
  }

  /** Refuses the item because of one field. */
  refusal(code: ItemErrorCode, field: string, problem: string): Rejection {
    return new Rejection(code, `${field} ${problem}: got ${describe(this.#item[field])}`);
  }

  #has(field: string): boolean {
    const value = this.#item[field];
    return value !== undefined && value !== null;
  }

  #id(field: string, value: unknown): string {
    if (typeof value === 'string' && isId(value)) return value;
    throw this.refusal('invalid_id', field, `must be ${ID_FORM}`);
  }

  #requireDistinct(field: string, id: string): void {
    if (isDistinct(id)) return;
    const form =
      'must have no blank at its beginning or end, no characters that cannot be seen or change the direction of writing, and none that looks like "@" at its beginning';
    throw this.refusal('invalid_id', field, form);
  }

  #reason(value: unknown): string {
    if (typeof value === 'string' && isPlain(value, limits.books.reasonLength)) return value;
    const form = `must be a text of 1 to ${limits.books.reasonLength} characters, without control characters`;
    throw this.refusal('invalid_reason', 'reason', form);
  }

  #positive(code: ItemErrorCode, field: string, scale: number): bigint {
    const amount = this.#decimal(code, field, scale);
    if (amount === 0n) throw this.refusal(code, field, 'must be more than zero');
    return amount;
  }

  #decimal(code: ItemErrorCode, field: string, scale: number): bigint {
    const parsed = parseAmount(this.#item[field], scale, limits.books.integerDigits);
    if (typeof parsed === 'string') throw this.refusal(code, field, parsed);
    return parsed;
  }
}

/**
 * Whether a text can be an id. Control characters are excluded, since PostgreSQL stores no NUL and the reads separate ids by
 * them; lone surrogates, since encoding would replace them; and a leading "@", which is for ids of the system.
 */
export function isId(text: string): boolean {
  return text.charCodeAt(0) !== 64 && isPlain(text, limits.books.idLength);
}

/** The form of an id, in words for messages. */
export const ID_FORM = `a text of 1 to ${limits.books.idLength} characters, without control characters, not beginning with "@"`;

/** Whether a text is not empty, not too long, on one line, and can be stored by PostgreSQL. */
function isPlain(text: string, most: number): boolean {
  return text.length > 0 && text.length <= most && !CONTROL_CHARACTER.test(text) && text.isWellFormed();
}

/** Whether people cannot mistake an id for another one, such as `alice` with a trailing blank. Existing ids remain usable. */
function isDistinct(id: string): boolean {
  if (PLAIN.test(id)) return true;
  return id.trim() === id && !UNSEEN.test(id) && !id.normalize('NFKC').startsWith('@');
}

/** Matches nearly all ids: printable ASCII without blanks at the ends. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

/** Format characters, line separators, and letters that look like blanks. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/;

/** Reads ISO 8601 with a time zone, or returns null. */
export function parseTime(text: string): Date | null {
  const time = new Date(text);
  const isTime = ISO_TIME.test(text) && isDay(text.slice(0, 10)) && !Number.isNaN(time.getTime());
  return isTime ? time : null;
}

/** Whether the calendar has the date: `Date` turns 30 February into 2 March. */
function isDay(day: string): boolean {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

const CONTROL_CHARACTER = /\p{Cc}/u;
