/** Every bound of the system in one place. */
export const limits = {
  /** Items in one batch. Beyond this a batch gains no speed and holds its rows longer. */
  batchItems: 10_000,
  /** Keys in one batch read (users x currencies, or ids). */
  readKeys: 100_000,
  /** Characters of an id: users, orders, operations, groups, references. Fits UUID, ULID and numbers. */
  idLength: 128,
  /** Digits of an amount before the decimal point. */
  integerDigits: 30,
  /** Decimals a currency may have, and a tick or lot size. */
  scale: 18,
  /** Orders returned for one user by one read. */
  ordersPerUser: 1_000,
  /** Price levels on one side of an order book. */
  bookDepth: 1_000,
  /** How often a batch is decided anew after its guard was lost, before the caller is told. */
  attempts: 50,
  /** Milliseconds a batch goes on looking for a database that went away, before the caller is told. */
  reconnectMs: 15_000,
  /** Statements that one connection keeps prepared; beyond it a statement is parsed each time it is sent. */
  preparedStatements: 200,
  /** Milliseconds beyond `database.pool.statement_timeout` before a connection without an answer is given up. */
  lateAnswerMs: 2_000,
  /** Expired holds and orders returned by one sweep statement. */
  sweepItems: 1_000,
} as const;
