/** Every bound of the system in one place. */
export const limits = {
  /** What stands in the books. */
  books: {
    /** Characters of an id: users, orders, operations, groups, references. Fits UUID, ULID and numbers. */
    idLength: 128,
    /** Characters of a reason. */
    reasonLength: 200,
    /** Bytes of metadata, as JSON in UTF-8. */
    metadataBytes: 4_096,
    /** Digits of an amount before the decimal point. */
    integerDigits: 30,
    /** Decimals a currency may have, and a tick or lot size. */
    scale: 18,
  },
  /** Batches, and the sweeper. */
  batches: {
    /** Items in one batch. Beyond this a batch gains no speed and holds its rows longer. */
    items: 10_000,
    /** Expired holds and orders returned by one sweep statement. */
    sweepItems: 1_000,
  },
  /** Batch reads. */
  reads: {
    /** Keys in one batch read (users x currencies, or ids). */
    keys: 100_000,
    /** Orders returned for one user by one read. */
    ordersPerUser: { byDefault: 100, most: 1_000 },
    /** Journal entries returned of one account by one read. */
    statementEntries: { byDefault: 100, most: 1_000 },
    /** Price levels on one side of an order book. */
    bookDepth: { byDefault: 20, most: 1_000 },
  },
  /** Streams of whole tables. */
  streams: {
    /**
     * Rows returned by one statement of a stream. Of the journal 100, 500, 1,000, 2,000, 5,000 and 10,000 gave 238,
     * 348, 378, 399, 364 and 356 thousand rows a second (medians of three rounds), and one in a hundred took longer
     * than 4, 6, 7, 12, 21 and 38 ms.
     */
    rows: 2_000,
  },
  /** The caches and the replica. */
  repository: {
    /** Bytes of the cache in a process, about. */
    cacheBytes: 64 * 1024 * 1024,
    /** Milliseconds in which a reader may fill what it found missing in the cache. */
    leaseMs: 10_000,
    /** Milliseconds that readers without a lease wait for a read under way, to share the next one. */
    aheadMs: 250,
    /** Milliseconds for which the position of the last commit is remembered; after it, the primary is asked. */
    positionMs: 60_000,
    /** Milliseconds that a read waits for the replica, before the primary is asked. */
    replicaWaitMs: 5_000,
    /** Milliseconds after which the replica is tried again once it failed. */
    replicaPauseMs: 1_000,
    /** Milliseconds that a call of few keys waits for Redis, all attempts together, before it does without. */
    redisWaitMs: 250,
    /** Milliseconds after which Redis is asked again once it failed. */
    redisPauseMs: 1_000,
    /** Changed keys that are remembered while Redis is away; beyond it all of the cache is invalidated. */
    unpublishedKeys: 10_000,
  },
  /** Connections, and what is tried again. */
  database: {
    /** How often a batch is decided anew after its guard, or its connection, was lost, before the caller is told. */
    attempts: 50,
    /** Milliseconds that a batch, or a read, looks for a server that went away, before the caller is told. */
    reconnectMs: 15_000,
    /** Milliseconds after its first failure in which a batch, or a read, is tried again at all. */
    againMs: 60_000,
    /** Milliseconds that a connection beside the pool may take, all hosts of its URL together, where nothing else is said. */
    connectMs: 10_000,
    /** Statements that one connection keeps prepared; beyond it a statement is parsed each time it is sent. */
    preparedStatements: 200,
    /** Milliseconds beyond `database.pool.statement_timeout` before a connection without an answer is given up. */
    lateAnswerMs: 2_000,
  },
  /** Calls over HTTP. */
  http: {
    /** Rows that one read over HTTP may ask for: its answer is one text, and nobody else is served while it is made. */
    readRows: 20_000,
    /** Values in the body of a call over HTTP: nobody else is served while it is parsed. A batch of orders has 190,000. */
    bodyValues: 250_000,
    /** Bytes of a body that cost as much as an item. */
    bytesOfItem: 1_024,
    /**
     * Rows that a read finds that cost as much as an item: a row takes a tenth of an item's time or less. 1,000 orders were
     * placed in 106 ms, 10,000 read in 50 to 80, and 200,000 added up to a level of a book in 100 to 170.
     */
    rowsOfItem: 10,
    /** Items: a call that costs more, or a piece of a stream, keeps the process busy for long by itself. */
    largeCall: 500,
    /** An answer of more characters than these, or a stream, has to be taken at this rate at least. */
    slowAnswer: { characters: 65_536, bytesPerSecond: 1_024 },
    /** Bytes of bodies of calls over HTTP that are in hand, all together, or twice the largest body; no API key has more than half. */
    bodiesInFlight: 64 * 1_048_576,
    /** Characters of answers over HTTP that their clients have yet to take, all together; no API key has more than half. */
    untakenAnswers: 256 * 1_048_576,
    /** Mistakes of a call over HTTP that its answer names. */
    mistakes: 100,
    /** Milliseconds that the database may take to answer the question whether it is there. */
    readinessMs: 2_000,
  },
  /** The requests of the HTTP service. */
  requests: {
    /** Characters of an idempotency key. */
    keyLength: 255,
    /** Milliseconds for which an answer is kept, unless the configuration says otherwise. */
    retentionMs: 24 * 60 * 60_000,
    /** Milliseconds that a request stays with a process that died; one that lives renews it before half of that is over. */
    leaseMs: 10_000,
    /** Bytes of answers that are kept, of all API keys together, unless the configuration says otherwise. */
    room: 32 * 1_073_741_824,
    /** Bytes that an answer takes besides, in its row and in indexes: 450 were measured, more with an idempotency key. */
    rowBytes: 512,
    /** Milliseconds for which it is remembered how much of the room is taken. */
    roomMs: 2_000,
    /** The share of what a key, or all of them, may take from which on it is said that room is scarce. */
    scarceShare: 0.8,
  },
  /** API keys of the HTTP service. */
  apiKeys: {
    /** Items a second that an API key may be granted. */
    itemsPerSecond: 1_000_000,
    /** Users, markets or addresses that an API key may be bound to. */
    bounds: 1_000,
    /** Milliseconds that a call waits for its API key to be looked up. */
    lookupMs: 5_000,
    /** Milliseconds for which an API key is remembered: for so long one that was revoked may still work. */
    rememberedMs: 1_000,
    /** Ids of API keys that are remembered, those that no key has among them. */
    remembered: 10_000,
  },
} as const;
