import type { Funds } from '../books/funds.ts';
import type { CreateAccount } from '../commands/createAccount.ts';
import type { LockFunds } from '../commands/lockFunds.ts';
import type { Deposit, Transfer, Withdraw } from '../commands/transactions.ts';
import type { UnlockFunds } from '../commands/unlockFunds.ts';
import type { BatchOptions } from '../engine/engine.ts';
import { accountKeys, type AccountView } from '../reads/accounts.ts';
import { requireKeys } from '../reads/keys.ts';
import { accounts } from '../repository/kinds.ts';
import type { Repository } from '../repository/repository.ts';
import type { BatchResult, ItemResult } from '../results.ts';
import { executeOne, type Executor } from './executor.ts';
import { atLeast, eachAtLeast, type MinVersion, type MinVersions } from './versions.ts';

/**
 * Accounts and funds. Every call that writes takes a list and answers with a result for each item; the single
 * forms are batches of one. They throw `PincexError` only where the whole call fails.
 */
export class Bookkeeper {
  readonly #execute: Executor;
  readonly #repository: Repository;

  constructor(execute: Executor, repository: Repository) {
    this.#execute = execute;
    this.#repository = repository;
  }

  /**
   * Every account of these users in these currencies: for each user in turn, one for each currency in turn, `null`
   * where there is none. From the cache, and by one statement for what is not there.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetAccounts(
    userIds: readonly string[],
    currencies: readonly string[],
    options?: MinVersions,
  ): Promise<(AccountView | null)[]> {
    const keys = accountKeys(userIds, currencies);
    return this.#repository.getMany(accounts, keys, eachAtLeast(keys.length, options));
  }

  /** Calls that are made together are gathered into one {@link batchGetAccounts}. */
  async getAccount(userId: string, currency: string, options?: MinVersion): Promise<AccountView | null> {
    requireKeys('userId and currency', [userId, currency]);
    return this.#repository.get(accounts, { userId, currency }, atLeast(options));
  }

  /** Opens empty accounts. Money does not wait for that: a first deposit makes the account too. */
  batchCreateAccounts(
    accounts: readonly CreateAccount[],
    options?: BatchOptions,
  ): Promise<BatchResult<Funds>> {
    return this.#execute('createAccount', accounts, options);
  }

  createAccount(account: CreateAccount): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'createAccount', account);
  }

  /** Moves funds from available to locked, each into the hold of its (user, order, currency). */
  batchLockFunds(operations: readonly LockFunds[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('lockFunds', operations, options);
  }

  lockFunds(operation: LockFunds): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'lockFunds', operation);
  }

  /** Moves funds from holds back to available. */
  batchUnlockFunds(operations: readonly UnlockFunds[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('unlockFunds', operations, options);
  }

  unlockFunds(operation: UnlockFunds): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'unlockFunds', operation);
  }

  /** Brings money in from the outside world; makes the account where there is none. */
  batchDeposit(deposits: readonly Deposit[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('deposit', deposits, options);
  }

  deposit(deposit: Deposit): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'deposit', deposit);
  }

  /** Takes available money out to the outside world. */
  batchWithdraw(withdrawals: readonly Withdraw[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('withdraw', withdrawals, options);
  }

  withdraw(withdrawal: Withdraw): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'withdraw', withdrawal);
  }

  /** Passes available money from one user to another. */
  batchTransfer(transfers: readonly Transfer[], options?: BatchOptions): Promise<BatchResult<Funds>> {
    return this.#execute('transfer', transfers, options);
  }

  transfer(transfer: Transfer): Promise<ItemResult<Funds>> {
    return executeOne(this.#execute, 'transfer', transfer);
  }
}
