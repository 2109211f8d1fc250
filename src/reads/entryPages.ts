import type { Session } from '../database/database.ts';
import { JOURNAL_COLUMNS, toJournalEntryView, type JournalEntryView, type JournalRow } from './journal.ts';
import {
  beyond,
  inBothDirections,
  readPage,
  requireTime,
  type Page,
  type PageOptions,
  type TimeRange,
} from './page.ts';
import { storableKey } from './readArguments.ts';
import type { AccountKey } from './accounts.ts';

/** A page is a range scan of the primary key, which begins where the other page ended. */
export const entryPages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-entries`,
    hints: ['IndexScan(j journal_pkey)'],
    text: `
    SELECT ${JOURNAL_COLUMNS}
    FROM journal j
    WHERE j.user_id = $1 AND j.currency = $2 AND j.version ${than} $3 AND j.version > $4 AND j.version <= $5
    ORDER BY j.version ${order}
    LIMIT $6`,
  };
});

/**
 * The last version of an account before a time, found bit by bit from the highest: the versions of an account grow with time, so
 * the primary key serves as an index by time. Entries of processes whose clocks differ may be out of order by as much; even then
 * later entries do not change the place of an earlier time.
 */
const VERSION_BEFORE = `
      WITH RECURSIVE bits AS (
        SELECT 0::bigint AS version, 1::bigint << 50 AS bit
        UNION ALL
        SELECT CASE WHEN is_before THEN version + bit ELSE version END, bit >> 1
        FROM (
          SELECT bits.*, EXISTS (
            SELECT FROM journal j
            WHERE j.user_id = a.user_id AND j.currency = a.currency AND j.version = bits.version + bits.bit
              AND j.created_at < k.moment
          ) AS is_before
          FROM bits
          WHERE bit > 0
        ) AS tried
      )
      SELECT version FROM bits WHERE bit = 0`;

export const getVersionsBefore = {
  name: 'get-versions-before',
  hints: ['IndexScan(a accounts_pkey)', 'IndexScan(j journal_pkey)'],
  text: `
    SELECT k.n, found.version
    FROM unnest($3::timestamptz[]) WITH ORDINALITY AS k (moment, n)
    CROSS JOIN accounts a
    CROSS JOIN LATERAL (${VERSION_BEFORE}
    ) AS found
    WHERE a.user_id = $1 AND a.currency = $2`,
};

/** The accounts of a user as they were at a time: each as its last entry before it says. */
export const getAccountsAt = {
  name: 'get-accounts-at',
  hints: ['IndexScan(a accounts_pkey)', 'IndexScan(j journal_pkey)', 'IndexScan(e journal_pkey)'],
  text: `
    SELECT a.currency, e.available, e.locked, e.available + e.locked AS balance, e.version, e.created_at AS updated_at
    FROM accounts a
    CROSS JOIN (SELECT $2::timestamptz AS moment) AS k
    CROSS JOIN LATERAL (${VERSION_BEFORE}
    ) AS found
    JOIN journal e ON e.user_id = a.user_id AND e.currency = a.currency AND e.version = found.version
    WHERE a.user_id = $1
    ORDER BY a.currency`,
};

/** The largest bigint, which is above every version. */
const NEWEST = '9223372036854775807';

/**
 * A page of the journal entries of an account, newest first.
 *
 * @throws PincexError `invalid_argument`
 */
export async function readEntryPage(
  session: Session,
  { userId, currency }: AccountKey,
  { from, to, ...options }: PageOptions & TimeRange,
): Promise<Page<JournalEntryView>> {
  const account = [storableKey(userId), storableKey(currency)];
  const [first, last] = await versionsBetween(session, account, { from, to });
  return readPage(
    {
      name: 'entries',
      owner: [userId, currency],
      top: [Number.MAX_SAFE_INTEGER],
      keyOf: ({ version }) => [version],
      read: async (direction, [version], limit) => {
        const values = [...account, String(version), first, last, String(limit)];
        const rows = await session.query<JournalRow>(entryPages[direction], values);
        return rows.map(toJournalEntryView);
      },
    },
    options,
  );
}

/** The versions before the two ends of a range; without times all versions. */
async function versionsBetween(
  session: Session,
  account: readonly (string | null)[],
  { from, to }: TimeRange,
): Promise<readonly [string, string]> {
  const times = [
    ...(from == null ? [] : [{ end: 0, time: requireTime('from', from) }]),
    ...(to == null ? [] : [{ end: 1, time: requireTime('to', to) }]),
  ];
  const ends: [string, string] = ['0', NEWEST];
  if (times.length === 0) return ends;
  const values = [...account, `{${times.map(({ time }) => `"${time}"`).join(',')}}`];
  const rows = await session.query<{ n: string; version: string }>(getVersionsBefore, values);
  for (const { n, version } of rows) ends[times[Number(n) - 1]?.end === 0 ? 0 : 1] = version;
  return ends;
}
