import { KINDS } from '../commands/kinds.ts';

/** A promise of the books, with a statement that finds every row that breaks it. */
export interface Check {
  readonly name: string;
  readonly promise: string;
  /** Selects `subject`, the row at fault, and `problem`, its fault in words. */
  readonly text: string;
}

/** When payments began to be rounded once for each buy order, not for each of its fills. */
const SINCE_PAYMENTS = `SELECT applied_at FROM schema_migrations WHERE name = 'payments'`;

/** Types of operations with their kinds, as rows. */
const KINDS_OF_TYPES = Object.entries(KINDS)
  .map(([type, kind]) => `('${type}', '${kind}')`)
  .join(', ');

/** The promises of the books, each proved from the tables alone. */
export const checks: readonly Check[] = [
  {
    name: 'journal_chain',
    promise: 'The journal of each account counts 1, 2, 3 …, and each entry follows from the one before',
    text: `
      SELECT format('journal %s %s %s', user_id, currency, version) AS subject,
        CASE
          WHEN version <> previous_version + 1
            THEN format('comes after version %s', previous_version)
          ELSE format('available %s and locked %s do not follow from %s and %s by %s and %s', available, locked,
            previous_available, previous_locked, available_delta, locked_delta)
        END AS problem
      FROM (
        SELECT *,
          coalesce(lag(version) OVER account, 0) AS previous_version,
          coalesce(lag(available) OVER account, 0) AS previous_available,
          coalesce(lag(locked) OVER account, 0) AS previous_locked
        FROM journal
        WINDOW account AS (PARTITION BY user_id, currency ORDER BY version)
      ) AS entry
      WHERE version <> previous_version + 1
        OR available <> previous_available + available_delta
        OR locked <> previous_locked + locked_delta`,
  },
  {
    name: 'accounts_replay',
    promise: 'The last journal entry of each account is the account, and one without a journal is empty',
    text: `
      SELECT format('account %s %s', a.user_id, a.currency) AS subject,
        format('is at version %s with %s available and %s locked, its journal ends at %s with %s and %s',
          a.version, a.available, a.locked, coalesce(last.version, 0), coalesce(last.available, 0),
          coalesce(last.locked, 0)) AS problem
      FROM accounts a
      LEFT JOIN LATERAL (
        SELECT j.version, j.available, j.locked
        FROM journal j
        WHERE j.user_id = a.user_id AND j.currency = a.currency
        ORDER BY j.version DESC
        LIMIT 1
      ) AS last ON true
      WHERE (a.version, a.available, a.locked)
        IS DISTINCT FROM (coalesce(last.version, 0), coalesce(last.available, 0), coalesce(last.locked, 0))
      UNION ALL
      SELECT format('journal %s %s', j.user_id, j.currency), 'has no account'
      FROM journal j
      WHERE j.version = 1
        AND NOT EXISTS (SELECT FROM accounts a WHERE a.user_id = j.user_id AND a.currency = j.currency)`,
  },
  {
    name: 'locked_is_held',
    promise: 'The locked amount of each account is the sum of its open holds',
    text: `
      SELECT format('account %s %s', user_id, currency) AS subject,
        format('has %s locked, its holds have %s', coalesce(a.locked, 0), coalesce(h.held, 0)) AS problem
      FROM accounts a
      FULL JOIN (SELECT user_id, currency, sum(amount) AS held FROM holds GROUP BY user_id, currency) AS h
        USING (user_id, currency)
      WHERE coalesce(a.locked, 0) <> coalesce(h.held, 0)`,
  },
  {
    name: 'holds_replay',
    promise:
      'The amount of each hold is what the journal locked for its order, minus what it took from the hold since',
    text: `
      SELECT format('hold %s %s %s', user_id, order_id, currency) AS subject,
        format('has %s, the journal left %s in it', coalesce(h.amount, 0), coalesce(j.locked, 0)) AS problem
      FROM holds h
      FULL JOIN (
        SELECT user_id, order_id, currency, sum(locked_delta) AS locked
        FROM journal
        WHERE locked_delta <> 0
        GROUP BY user_id, order_id, currency
      ) AS j USING (user_id, order_id, currency)
      WHERE coalesce(h.amount, 0) <> coalesce(j.locked, 0)`,
  },
  {
    name: 'holds_match_orders',
    promise:
      'Each open placed order holds the amount that its rest needs, and no placed order that ended holds anything',
    text: `
      WITH needed AS (
        SELECT o.user_id, o.id AS order_id,
          CASE WHEN o.side = 'sell' THEN m.base ELSE m.quote END AS currency,
          CASE
            WHEN o.side = 'sell' THEN o.quantity - o.filled_quantity
            -- units written out, since a power or a division keeps only so many decimals
            WHEN o.price IS NOT NULL
              THEN (ceil((o.filled_value + o.price * (o.quantity - o.filled_quantity)) * ('1e' || q.scale)::numeric)
                - ceil(o.filled_value * ('1e' || q.scale)::numeric)) * ('1e-' || q.scale)::numeric
          END AS amount,
          CASE
            WHEN o.price IS NULL THEN o.hold_amount
            -- what an order that was filled in part before held for the rest, until it is filled again
            WHEN o.side = 'buy' AND o.updated_at < p.applied_at
              THEN ceil(o.price * (o.quantity - o.filled_quantity) * ('1e' || q.scale)::numeric)
                * ('1e-' || q.scale)::numeric
          END AS most
        FROM orders o
        JOIN markets m USING (symbol)
        JOIN currencies q ON q.code = m.quote
        LEFT JOIN (${SINCE_PAYMENTS}) AS p ON true
        WHERE o.placed AND o.status IN ('pending', 'open', 'partially_filled')
      )
      SELECT format('hold %s %s %s', user_id, order_id, currency) AS subject,
        CASE
          WHEN n.order_id IS NULL THEN format('has %s for an order that is not open', h.amount)
          ELSE format('has %s, its order needs %s', coalesce(h.amount, 0), coalesce(n.amount, n.most))
        END AS problem
      FROM (SELECT * FROM holds WHERE placed) AS h
      FULL JOIN needed n USING (user_id, order_id, currency)
      WHERE n.order_id IS NULL
        OR coalesce(h.amount, 0) NOT BETWEEN coalesce(n.amount, 0) AND coalesce(n.most, n.amount)`,
  },
  {
    name: 'fills_are_trades',
    promise:
      'Each trade belongs to an order of its side and market, the filled quantity of each placed order is that of its trades, and exactly the orders that are filled wholly have the status filled',
    text: `
      SELECT format('order %s %s', user_id, order_id) AS subject,
        CASE
          WHEN o.status IS NULL THEN format('is no %s of %s, and traded %s as one', side, symbol, t.traded)
          WHEN o.placed AND o.filled_quantity <> coalesce(t.traded, 0)
            THEN format('is filled to %s, its trades add up to %s', o.filled_quantity, coalesce(t.traded, 0))
          ELSE format('is %s, with %s of %s filled', o.status, o.filled_quantity, o.quantity)
        END AS problem
      FROM (SELECT user_id, id AS order_id, side, symbol, status, placed, quantity, filled_quantity FROM orders) AS o
      FULL JOIN (
        SELECT user_id, order_id, side, symbol, sum(quantity) AS traded
        FROM trades
        GROUP BY user_id, order_id, side, symbol
      ) AS t USING (user_id, order_id, side, symbol)
      WHERE o.status IS NULL
        OR (o.placed AND o.filled_quantity <> coalesce(t.traded, 0))
        OR (o.status = 'filled') <> (o.filled_quantity = o.quantity)`,
  },
  {
    name: 'fills_are_paid',
    promise:
      'The filled value of each placed order is that of its trades, and each buy paid that value for them, rounded up',
    text: `
      SELECT format('order %s %s', user_id, order_id) AS subject,
        CASE
          WHEN filled_value <> value THEN format('has filled %s in value, its trades %s', filled_value, value)
          ELSE format('paid %s for what is worth %s', paid, value)
        END AS problem
      FROM (
        SELECT o.user_id, o.id AS order_id, o.side, o.filled_value, coalesce(t.value, 0) AS value,
          coalesce(t.paid, 0) AS paid, ('1e-' || q.scale)::numeric AS unit,
          ceil(o.filled_value * ('1e' || q.scale)::numeric) * ('1e-' || q.scale)::numeric AS due,
          -- what fills that were rounded down by themselves may lack
          CASE WHEN t.first < p.applied_at THEN t.trades ELSE 0 END AS lacking
        FROM orders o
        LEFT JOIN (
          SELECT user_id, order_id, sum(price * quantity) AS value, sum(quote_amount) AS paid, count(*) AS trades,
            min(executed_at) AS first
          FROM trades
          GROUP BY user_id, order_id
        ) AS t ON t.user_id = o.user_id AND t.order_id = o.id
        JOIN markets m USING (symbol)
        JOIN currencies q ON q.code = m.quote
        LEFT JOIN (${SINCE_PAYMENTS}) AS p ON true
        WHERE o.placed
      ) AS filled
      WHERE filled_value <> value OR (side = 'buy' AND paid NOT BETWEEN due - lacking * unit AND due)`,
  },
  {
    name: 'sum_is_zero',
    promise: 'The balances of all accounts of a currency, the outside world included, add up to zero',
    text: `
      SELECT format('currency %s', currency) AS subject,
        format('all its accounts add up to %s', sum(available + locked)) AS problem
      FROM accounts
      GROUP BY currency
      HAVING sum(available + locked) <> 0`,
  },
  {
    name: 'journal_has_operations',
    promise:
      'Each journal entry has its operation, and each operation that moved money its entries, none twice',
    // The check what_moved_is_told proves the other side of deposits, withdrawals and transfers, and the fees of trades.
    // A trade of @fees itself takes from a hold; a fee does not.
    text: `
      SELECT format('operation %s %s', user_id, id) AS subject,
        CASE
          WHEN o.outcome IS NULL THEN format('is not there, and the journal has its %s', type)
          WHEN j.entries IS NULL THEN format('is a %s without a journal entry', type)
          ELSE format('is a %s with %s journal entries, not one', type, j.entries)
        END AS problem
      FROM (
        SELECT user_id, operation_type AS type, operation_id AS id, count(*) AS entries
        FROM journal
        WHERE user_id <> '@outside'
          AND (operation_type <> 'transfer' OR available_delta < 0)
          AND (user_id <> '@fees' OR operation_type <> 'settleTrade' OR locked_delta <> 0)
        GROUP BY user_id, operation_type, operation_id
      ) AS j
      FULL JOIN operations o USING (user_id, type, id)
      WHERE o.outcome IS NULL
        OR (j.entries > 1 AND type <> 'settleTrade')
        OR (j.entries IS NULL AND CASE
          WHEN type IN ('cancelOrder', 'expireOrder') THEN o.outcome NOT LIKE '%"released":"0"%'
          ELSE type NOT IN ('createAccount', 'createOrder', 'updateOrderStatus', 'settleTrade')
        END)`,
  },
  {
    name: 'kinds_follow_types',
    promise: 'Each operation is of the kind that its type has, by which its id is found when it comes again',
    text: `
      SELECT format('operation %s %s', user_id, id) AS subject, format('is a %s of kind %s', type, o.kind) AS problem
      FROM operations o
      LEFT JOIN (VALUES ${KINDS_OF_TYPES}) AS k (type, kind) USING (type)
      WHERE o.kind IS DISTINCT FROM k.kind`,
  },
  {
    name: 'orders_have_operations',
    promise:
      'Each order was made by one operation, with or without its funds as the operation says, and all rows that operations made exist',
    text: `
      SELECT format('order %s %s', user_id, id) AS subject,
        CASE
          WHEN o.status IS NULL THEN format('is not there, and a %s made it', p.type)
          WHEN p.type IS NULL THEN 'is there, and no operation made it'
          ELSE format('was %s by a %s', CASE WHEN o.placed THEN 'placed with its funds' ELSE 'made without funds' END,
            p.type)
        END AS problem
      FROM orders o
      FULL JOIN (
        SELECT user_id, id, type FROM operations WHERE type IN ('createOrder', 'placeOrder')
      ) AS p USING (user_id, id)
      WHERE o.status IS NULL
        -- a rejection that was recorded used up no operation
        OR (p.type IS NULL AND (o.status <> 'rejected' OR o.reject_code IS NULL))
        OR o.placed <> (p.type = 'placeOrder')`,
  },
  {
    name: 'what_moved_is_told',
    promise:
      'All money that came in, went out or changed hands is recorded by transactions and trades, on both sides and in the fees',
    text: `
      SELECT format('journal %s %s', user_id, currency) AS subject,
        format('moved %s by %s %s, where %s tell %s', sum(moved), type, id,
          CASE type WHEN 'settleTrade' THEN 'trades' ELSE 'transactions' END, sum(told)) AS problem
      FROM (
        SELECT user_id, currency, operation_type AS type, operation_id AS id,
          available_delta + locked_delta AS moved, 0 AS told
        FROM journal
        WHERE available_delta + locked_delta <> 0
        UNION ALL
        SELECT user_id, currency, CASE type WHEN 'withdrawal' THEN 'withdraw' ELSE type END, id,
          0, CASE type WHEN 'deposit' THEN amount ELSE -amount END
        FROM transactions
        UNION ALL
        SELECT coalesce(to_user_id, '@outside'), currency, CASE type WHEN 'withdrawal' THEN 'withdraw' ELSE type END, id,
          0, CASE type WHEN 'deposit' THEN -amount ELSE amount END
        FROM transactions
        UNION ALL
        SELECT user_id, base, 'settleTrade', id, 0, CASE side WHEN 'buy' THEN quantity - fee ELSE -quantity END
        FROM trades JOIN markets USING (symbol)
        UNION ALL
        SELECT user_id, quote, 'settleTrade', id, 0,
          CASE side WHEN 'buy' THEN -quote_amount ELSE quote_amount - fee END
        FROM trades JOIN markets USING (symbol)
        UNION ALL
        SELECT '@fees', CASE side WHEN 'buy' THEN base ELSE quote END, 'settleTrade', id, 0, fee
        FROM trades JOIN markets USING (symbol)
        WHERE fee > 0
      ) AS movement
      GROUP BY user_id, currency, type, id
      HAVING sum(moved) <> sum(told)`,
  },
  {
    name: 'books_are_there',
    promise: 'Wherever money once came in, the books that began then are there',
    text: `
      SELECT format('account @outside %s', b.currency) AS subject,
        CASE
          WHEN a.user_id IS NULL THEN format('is gone: books that began at %s were emptied', b.began_at)
          ELSE format('was made at %s, though books began at %s: they were emptied and begun anew', a.created_at,
            b.began_at)
        END AS problem
      FROM beginnings b
      LEFT JOIN accounts a ON a.user_id = '@outside' AND a.currency = b.currency
      WHERE a.created_at IS DISTINCT FROM b.began_at`,
  },
];
