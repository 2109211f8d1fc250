import { plainArray, textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { copyKnown, namesOf } from '../known.ts';
import { JOURNAL_COLUMNS, toJournalEntryView, type JournalEntryView, type JournalRow } from './journal.ts';
import { storableKey, copyList, isVersion, nameOfIds, requireCount, requireKey } from './readArguments.ts';

/** Names an account whose statement is asked for, and the entry before which the page begins. */
export interface StatementKey {
  readonly userId: string;
  readonly currency: string;
  /** Only entries before this version: that of the last entry of an earlier page. Default: begins with the newest entry. */
  readonly before?: number | null | undefined;
}

/** A text that is equal for two keys only if they ask for the same page of the same account. */
export const statementKeyName = ({ userId, currency, before }: StatementKey): string =>
  `${nameOfIds(userId, currency)} ${before ?? 'newest'}`;

/** Each page is a range scan of the primary key, which begins where the last page ended. */
export const getAccountStatements = {
  name: 'get-account-statements',
  hints: ['IndexScan(j journal_pkey)'],
  text: `
    SELECT k.n,${JOURNAL_COLUMNS}
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS k (user_id, currency, before, n)
    CROSS JOIN LATERAL (
      SELECT * FROM journal j
      WHERE j.user_id = k.user_id AND j.currency = k.currency AND j.version < k.before
      ORDER BY j.version DESC
      LIMIT $4
    ) AS j
    ORDER BY k.n, j.version DESC`,
};

/** The largest bigint, which is above every version. */
const NEWEST = '9223372036854775807';

/**
 * The newest entries of each account, newest first, in the order of the keys.
 *
 * @param limit the most entries of each account
 */
export async function readAccountStatements(
  session: Session,
  keys: readonly StatementKey[],
  limit: number,
): Promise<JournalEntryView[][]> {
  const statements = keys.map((): JournalEntryView[] => []);
  if (keys.length === 0) return statements;
  const rows = await session.query<JournalRow & { n: string }>(getAccountStatements, [
    textArray(keys.map(({ userId }) => storableKey(userId))),
    textArray(keys.map(({ currency }) => storableKey(currency))),
    plainArray(keys.map(({ before }) => before ?? NEWEST)),
    String(limit),
  ]);
  for (const row of rows) statements[Number(row.n) - 1]?.push(toJournalEntryView(row));
  return statements;
}

const NAMES = namesOf<StatementKey>({ userId: true, currency: true, before: true });

/**
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function requireStatementKeys(name: string, keys: unknown): StatementKey[] {
  return copyList(name, keys, '{ userId, currency, before }', requireCount).map((key, place) => {
    const at = `${name}[${place}]`;
    if (typeof key !== 'object' || key === null) {
      throw new PincexError(
        'invalid_argument',
        `${at} must be { userId, currency, before }: got ${describe(key)}`,
      );
    }
    const { values, problem } = copyKnown(key, NAMES, `a field of ${at}`);
    if (problem !== undefined) throw new PincexError('invalid_argument', problem);
    const { userId, currency, before } = values;
    return {
      userId: requireKey(`${at}.userId`, userId),
      currency: requireKey(`${at}.currency`, currency),
      before: requireVersion(`${at}.before`, before),
    };
  });
}

function requireVersion(name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (isVersion(value)) return value;
  throw new PincexError(
    'invalid_argument',
    `${name} must be a version, such as that of an entry: got ${describe(value)}`,
  );
}
