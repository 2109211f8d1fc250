import { stringify } from 'csv-stringify/sync';

/**
 * Rows as CSV (RFC 4180) with the names of their fields above. Values that are objects are JSON.
 *
 * A spreadsheet runs a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula; such a text gets a `'`
 * before it. Amounts, which may begin with `-`, do not.
 */
export function csvOf(rows: readonly object[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return stringify(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cellOf(value)]))),
    { header: columns.length > 0, columns, record_delimiter: '\r\n' },
  );
}

const AMOUNT = /^-?\d+(\.\d+)?$/;
const FORMULA = /^[=+\-@\t\r]/;

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return FORMULA.test(text) && !AMOUNT.test(text) ? `'${text}` : text;
}
