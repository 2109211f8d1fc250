import type { Funds } from '../books/funds.ts';
import type { KnownCodes } from '../catalog/knownCodes.ts';
import type { CreateAccount } from '../commands/createAccount.ts';
import type { LockFunds } from '../commands/lockFunds.ts';
import type { Deposit, Transfer, Withdraw } from '../commands/transactions.ts';
import type { UnlockFunds } from '../commands/unlockFunds.ts';
import type { Session } from '../database/database.ts';
import type { BatchOptions } from '../engine/options.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { accountKeys, type AccountView } from '../reads/accounts.ts';
import {
  readAccountStatements,
  requireStatementKeys,
  statementKeyName,
  type StatementKey,
} from '../reads/accountStatement.ts';
import type { JournalEntryView } from '../reads/journal.ts';
import { readEachOnce, requireFlag, requireKey, requireKeys, requireLimit } from '../reads/readArguments.ts';
import { accounts } from '../repository/kinds.ts';
import type { Repository } from '../repository/repository.ts';
import type { BatchResult, ItemResult } from '../results.ts';
import { refuseSurplus } from '../surplus.ts';
import { executeOne, type Executor } from './executor.ts';
import { atLeast, eachAtLeast, type Fresh, type MinVersion, type MinVersions } from './versions.ts';

/**
 * Accounts and funds. Every call that writes takes a list and returns a result for each item; the single forms are batches of
 * one item. A call throws `PincexError` only if it fails as a whole.
 */
export class Bookkeeper {
  readonly #execute: Executor;
  readonly #repository: Repository;
  readonly #codes: KnownCodes;

  /** @internal */
  constructor(execute: Executor, repository: Repository, codes: KnownCodes) {
    this.#execute = execute;
    this.#repository = repository;
    this.#codes = codes;
  }

  /**
   * Reads the account of each user in each currency: all currencies of the first user, then those of the next, with `null` for
   * an account that does not exist. Accounts come from the cache; one statement reads the cache misses.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_currency`
   *
   * @example
   * ```ts
   * const accounts = await bookkeeper.batchGetAccounts(['alice', 'bob'], ['USD', 'BTC']);
   * for (const account of accounts) console.log(account?.userId, account?.currency, account?.available);
   * ```
   */
  async batchGetAccounts(
    userIds: readonly string[],
    currencies: readonly string[],
    options?: MinVersions,
  ): Promise<(AccountView | null)[]> {
    const codes = requireKeys('currencies', currencies);
    const keys = accountKeys(userIds, codes);
    const accepts = eachAtLeast('batchGetAccounts', keys.length, options);
    await this.#codes.requireCurrencies(codes);
    return this.#repository.getMany(accounts, keys, accepts);
  }

  /**
   * Reads one account, or `null` if it does not exist. Calls in the same turn of the event loop are gathered into one batch
   * read.
   *
   * @example
   * ```ts
   * const account = await bookkeeper.getAccount('alice', 'USD');
   * console.log(account?.available ?? 'alice has no account in USD');
   * ```
   */
  async getAccount(userId: string, currency: string, options?: MinVersion): Promise<AccountView | null> {
    const key = { userId: requireKey('userId', userId), currency: requireKey('currency', currency) };
    const accepts = atLeast('getAccount', options);
    await this.#codes.requireCurrencies([key.currency]);
    return this.#repository.get(accounts, key, accepts);
  }

  /**
   * Reads the statement of each account: its journal entries, newest first, each with its reason and metadata. A key with
   * `before`, the version of the last entry of a page, reads the next page. An account that does not exist has no entries.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_currency`
   *
   * @example
   * ```ts
   * const [entries = []] = await bookkeeper.batchGetAccountStatements([{ userId: 'alice', currency: 'USD' }], { limit: 20 });
   * for (const { version, availableDelta, reason } of entries) console.log(version, availableDelta, reason);
   * ```
   */
  async batchGetAccountStatements(
    accounts: readonly StatementKey[],
    options?: { readonly limit?: number | undefined } & Fresh,
  ): Promise<JournalEntryView[][]> {
    const keys = requireStatementKeys('accounts', accounts);
    const { limit = limits.reads.statementEntries.byDefault, fresh = false } = readOptions(
      'batchGetAccountStatements',
      options,
      LIMIT_AND_FRESH,
    );
    requireLimit('limit', limit, limits.reads.statementEntries.most);
    requireFlag('fresh', fresh);
    await this.#codes.requireCurrencies(keys.map(({ currency }) => currency));
    const read = (session: Session) =>
      readEachOnce(keys, (distinct) => readAccountStatements(session, distinct, limit), statementKeyName);
    return this.#repository.readDirectly('batch_get_account_statements', keys.length, read, { fresh });
  }

  /** Reads the statement of one account: {@link batchGetAccountStatements} with one key. */
  async getAccountStatement(
    userId: string,
    currency: string,
    options?: { readonly before?: number | null | undefined; readonly limit?: number | undefined } & Fresh,
  ): Promise<JournalEntryView[]> {
    const { before, ...rest } = readOptions('getAccountStatement', options, PAGE_AND_FRESH);
    const [entries] = await this.batchGetAccountStatements([{ userId, currency, before }], rest);
    return entries ?? [];
  }

  /** Opens empty accounts. This is optional: a first deposit opens the account too. */
  batchCreateAccounts(
    accounts: readonly CreateAccount[],
    options?: BatchOptions,
  ): Promise<BatchResult<Funds>> {
    return this.#execute('createAccount', accounts, options);
  }

  /** Opens one empty account: {@link batchCreateAccounts} with one item. */
  createAccount(account: CreateAccount, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'createAccount', account, options);
  }

  /**
   * Moves funds from available to locked. Each item adds to the hold of its user, order and currency.
   *
   * @example
   * ```ts
   * const { results } = await bookkeeper.batchLockFunds([
   *   { id: 'l1', userId: 'alice', currency: 'USD', amount: '10.5', orderId: 'o1' },
   *   { id: 'l2', userId: 'bob', currency: 'USD', amount: '20', orderId: 'o2' },
   * ]);
   * for (const result of results) if (result.status === 'rejected') console.error(result.id, result.error.code);
   * ```
   */
  batchLockFunds(operations: readonly LockFunds[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('lockFunds', operations, options);
  }

  /**
   * Moves funds of one account from available to locked: {@link batchLockFunds} with one item.
   *
   * @example
   * ```ts
   * const result = await bookkeeper.lockFunds({ id: 'l1', userId: 'alice', currency: 'USD', amount: '10.5', orderId: 'o1' });
   * if (result.status === 'rejected') console.error(result.error.message);
   * ```
   */
  lockFunds(operation: LockFunds, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'lockFunds', operation, options);
  }

  /**
   * Moves funds from holds back to available.
   *
   * @example
   * ```ts
   * await bookkeeper.batchUnlockFunds([
   *   { id: 'u1', userId: 'alice', currency: 'USD', amount: '10.5', orderId: 'o1', reason: 'order_done' },
   * ]);
   * ```
   */
  batchUnlockFunds(operations: readonly UnlockFunds[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('unlockFunds', operations, options);
  }

  /** Moves funds of one hold back to available: {@link batchUnlockFunds} with one item. */
  unlockFunds(operation: UnlockFunds, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'unlockFunds', operation, options);
  }

  /**
   * Brings money in from the outside world. An account that does not exist is opened.
   *
   * @example
   * ```ts
   * const { failedItems } = await bookkeeper.batchDeposit([
   *   { id: 'd1', userId: 'alice', currency: 'USD', amount: '1000' },
   *   { id: 'd2', userId: 'bob', currency: 'BTC', amount: '0.5' },
   * ]);
   * for (const [index, { message }] of failedItems) console.error(index, message);
   * ```
   */
  batchDeposit(deposits: readonly Deposit[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('deposit', deposits, options);
  }

  /** Brings money in for one account: {@link batchDeposit} with one item. */
  deposit(deposit: Deposit, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'deposit', deposit, options);
  }

  /**
   * Takes available money out to the outside world.
   *
   * @example
   * ```ts
   * await bookkeeper.batchWithdraw([{ id: 'w1', userId: 'alice', currency: 'USD', amount: '100', reference: 'wire-7' }]);
   * ```
   */
  batchWithdraw(withdrawals: readonly Withdraw[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('withdraw', withdrawals, options);
  }

  /** Takes money of one account out: {@link batchWithdraw} with one item. */
  withdraw(withdrawal: Withdraw, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'withdraw', withdrawal, options);
  }

  /**
   * Moves available money from one user to another.
   *
   * @example
   * ```ts
   * // Both transfers are applied, or neither.
   * await bookkeeper.batchTransfer(
   *   [
   *     { id: 't1', userId: 'alice', toUserId: 'bob', currency: 'USD', amount: '5' },
   *     { id: 't2', userId: 'bob', toUserId: 'carol', currency: 'USD', amount: '5' },
   *   ],
   *   { mode: 'atomic' },
   * );
   * ```
   */
  batchTransfer(transfers: readonly Transfer[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('transfer', transfers, options);
  }

  /** Moves money of one user to another: {@link batchTransfer} with one item. */
  transfer(transfer: Transfer, options?: BatchOptions): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'transfer', transfer, options);
  }
}

refuseSurplus(Bookkeeper);

const LIMIT_AND_FRESH = namesOf<{ limit?: number } & Fresh>({ limit: true, fresh: true });
const PAGE_AND_FRESH = namesOf<{ before?: number; limit?: number } & Fresh>({
  before: true,
  limit: true,
  fresh: true,
});
