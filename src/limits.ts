/** All bounds of the system. */
export const limits = {
  /** The rows of the books. */
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
  /** The performance monitor. */
  monitor: {
    /** Names of operations. Further names count as `other`. */
    names: 100,
    /** Characters of a name. */
    nameLength: 128,
    /** Codes of errors, and of rejected items, of one operation. Further codes count as `other`. */
    codes: 50,
    /** Bytes of the operations in the report of a process. Operations that do not fit are reported together as `other`. */
    reportBytes: 256 * 1024,
    /** Batches that are worth a look, and the bytes of those that a process reports. */
    notable: { slowest: 20, codes: 12, ofCode: 2, codesOfBatch: 5, reportBytes: 10_000 },
  },
  /** The live page. */
  live: {
    /** Pages that are open at the same time; one API key has at most half. */
    pages: 400,
    /** Milliseconds between two pictures, and between two points that are remembered. */
    pictureMs: 2_000,
    pointMs: 10_000,
    /** Processes whose points are remembered, each for an hour. */
    processes: 16,
    /** Operations of a point, the busiest. */
    operations: 30,
    /** Milliseconds between two checks of the API key of an open page. */
    keyCheckMs: 5_000,
    /** Alerts of a picture. */
    alerts: 100,
    /** Milliseconds that a page has to take the rest of its stream once the service ends. */
    lastMs: 2_000,
  },
  /** The N+1 detector. */
  nPlusOne: {
    /** Single calls of one shape at one place of the code that count as a loop. */
    threshold: { byDefault: 5, most: 10_000 },
    /** Milliseconds without a call that end a loop of a running process. */
    pauseMs: 1_000,
    /** Shapes and places that one context counts. With more, the one without a call for the longest time is forgotten. */
    groups: 1_000,
    /** Loops that a detector lists. It counts further ones only. */
    loops: 1_000,
    /** Characters of a SQL statement that are read to find its shape, and characters of a shape. */
    statement: { read: 20_000, kept: 2_000 },
    /** Frames of the caller's code that a loop names. */
    frames: 5,
  },
  /** Batches, and the sweeper. */
  batches: {
    /** Items in one batch. A larger batch would gain no speed, and lock its rows for longer. */
    items: 10_000,
    /** Rows of one sweep statement. */
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
    /** Rows of a page of a list. */
    pageRows: { byDefault: 100, most: 1_000 },
    /** Rows that one id names, whose users are not named. */
    sameIds: 100,
    /** Price levels on one side of an order book. */
    bookDepth: { byDefault: 20, most: 1_000 },
  },
  /** Streams of whole tables. */
  streams: {
    /**
     * Rows returned by one statement of a stream. For the journal 100, 500, 1,000, 2,000, 5,000 and 10,000 gave 238,
     * 348, 378, 399, 364 and 356 thousand rows a second (medians of three rounds), and one in a hundred took longer
     * than 4, 6, 7, 12, 21 and 38 ms.
     */
    rows: 2_000,
  },
  /** The caches and the replica. */
  repository: {
    /** Approximate bytes of the cache in a process. */
    cacheBytes: 64 * 1024 * 1024,
    /** Milliseconds that the lease of a reader on a cache miss lasts. */
    leaseMs: 10_000,
    /** Milliseconds that readers without a lease wait for a read in flight, to share the next one. */
    aheadMs: 250,
    /** Milliseconds for which the position of the last commit is remembered; afterwards the primary is asked for it. */
    positionMs: 60_000,
    /** Milliseconds that a read waits for the replica before it goes to the primary. */
    replicaWaitMs: 5_000,
    /** Milliseconds after a failure of the replica until it is tried again. */
    replicaPauseMs: 1_000,
    /** Milliseconds that a call of few keys waits for Redis, all attempts together, before it goes on without the cache. */
    redisWaitMs: 250,
    /** Milliseconds after a failure of Redis until it is tried again. */
    redisPauseMs: 1_000,
    /** Changed keys that are remembered while Redis is unreachable; with more, the whole cache is invalidated. */
    pendingInvalidations: 10_000,
  },
  /** Connections and retries. */
  database: {
    /** Attempts at a batch whose guard or connection is lost, before the call fails. */
    attempts: 50,
    /** Milliseconds that a batch or a read tries to reach a server that is away, before the call fails. */
    reconnectMs: 15_000,
    /** Milliseconds after its first failure in which a batch or a read is retried. */
    againMs: 60_000,
    /** Default timeout in milliseconds of a connection outside the pool, for all hosts of its URL together. */
    connectMs: 10_000,
    /** Prepared statements of one connection; further statements are parsed each time they are sent. */
    preparedStatements: 200,
    /** Milliseconds after `database.pool.statement_timeout` until a connection without an answer is closed. */
    lateAnswerMs: 2_000,
  },
  /** Calls over HTTP. */
  http: {
    /** Rows that one read over HTTP may ask for: making its answer blocks the event loop. */
    readRows: 20_000,
    /** Values in the body of a call over HTTP: parsing it blocks the event loop. A batch of orders has 190,000. */
    bodyValues: 250_000,
    /** Bytes of a body that cost as much as an item. */
    bytesOfItem: 1_024,
    /**
     * Rows found by a read that cost as much as an item: a row takes a tenth of an item's time or less. 1,000 orders were
     * placed in 106 ms, 10,000 read in 50 to 80, and 200,000 added up to a level of a book in 100 to 170.
     */
    rowsOfItem: 10,
    /**
     * Cost in items above which a call is large; a piece of a stream is large too. A large call keeps the process busy for
     * long.
     */
    largeCall: 500,
    /** The least rate at which a client has to take a stream, or an answer with more characters than this. */
    slowAnswer: { characters: 65_536, bytesPerSecond: 1_024 },
    /** Bytes of the bodies of all calls in flight, or twice the largest body if that is more; no API key has more than half. */
    bodiesInFlight: 64 * 1_048_576,
    /** Characters of all answers that clients have not yet taken; no API key has more than half. */
    untakenAnswers: 256 * 1_048_576,
    /** Mistakes of a call over HTTP that its answer lists. */
    mistakes: 100,
    /** Timeout in milliseconds of the readiness check of the database. */
    readinessMs: 2_000,
  },
  /** The requests of the HTTP service. */
  requests: {
    /** Characters of an idempotency key. */
    keyLength: 255,
    /** Milliseconds for which an answer is stored. The configuration can override it. */
    retentionMs: 24 * 60 * 60_000,
    /** Milliseconds of the lease of a request. A running process renews it before half of that is over. */
    leaseMs: 10_000,
    /** Bytes that stored answers of all API keys may take. The configuration can override it. */
    room: 32 * 1_073_741_824,
    /** Bytes of row and index entries for each answer, besides its text: 450 were measured, more with an idempotency key. */
    rowBytes: 512,
    /** Milliseconds for which the sums of `request_usage` are cached. */
    roomMs: 2_000,
    /** Room is reported as scarce from this share of the bound of a key, or of all keys. */
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
    /** Milliseconds for which an API key is cached: a revoked key may work for that long. */
    rememberedMs: 1_000,
    /** Cached API keys, including ids that belong to no key. */
    remembered: 10_000,
  },
  /** Alerts. */
  alerts: {
    /** Alerts that one call lists. */
    listed: 1_000,
    /** Milliseconds for which resolved alerts are stored. */
    storedMs: 30 * 24 * 60 * 60_000,
    /** Milliseconds that the webhook may take to answer. */
    webhookMs: 10_000,
    /** Webhooks that are sent at the same time. */
    webhooks: 20,
  },
} as const;
