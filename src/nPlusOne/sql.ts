import { limits } from '../limits.ts';

/** A statement as it is sent to a watched pool. */
export interface SentStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * The shape of a statement that reads or changes rows for a single key: its SQL without comments, with `?` for each value and
 * `…` for each list. `null` for a statement that takes several keys at once, and for one such as `BEGIN`.
 */
export function shapeOf({ text, values }: SentStatement): string | null {
  const plain = withoutValues(text.slice(0, limits.nPlusOne.statement.read));
  if (!READS_OR_CHANGES.test(plain)) return null;
  if (TAKES_SEVERAL.test(plain) || values.some((value) => Array.isArray(value) && value.length > 1))
    return null;
  return withoutLists(plain.replaceAll(PARAMETER, '?')).slice(0, limits.nPlusOne.statement.kept);
}

const READS_OR_CHANGES = /^\(*(?:SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE|CALL|EXECUTE)\b/i;

/** A parameter, until the lists have been looked at: constants of the code, as in `status IN ('open', 'new')`, are no keys. */
const PARAMETER = '$?';

/** Several parameters after IN or in ARRAY, and several rows of VALUES. */
const TAKES_SEVERAL =
  /\b(?:IN \(|ARRAY\[)\(?\$\?[^,()[\]]*, ?\$\?|\bIN \(\([^()]*\), \(|\bVALUES \((?:[^()]|\([^()]*\))*\), \(/i;

const TOKENS = new RegExp(
  [
    /(?<space>(?:\s|--[^\n]*)+)/,
    /(?<comment>\/\*)/,
    /(?<escaped>[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$))/,
    /(?<literal>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|$))/,
    /(?<dollar>\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[^]*?(?:\$\k<tag>\$|$))/u,
    /(?<parameter>\$\d+)/,
    /(?<name>[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")*(?:"|$))/u,
    /(?<number>(?:\d[\w.]*|\.\d\w*)(?:(?<=[eE])[+-]\d+)?)/,
    /(?<other>[^])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'uy',
);

/** SQL without comments and surplus spaces, with `?` for each literal and {@link PARAMETER} for each parameter. */
function withoutValues(text: string): string {
  let plain = '';
  TOKENS.lastIndex = 0;
  for (let token = TOKENS.exec(text); token !== null; token = TOKENS.exec(text)) {
    const { space, comment, name, parameter, other } = token.groups ?? {};
    if (comment !== undefined) TOKENS.lastIndex = endOfComment(text, token.index);
    if (comment !== undefined || space !== undefined) plain += ' ';
    else plain += name ?? other ?? (parameter === undefined ? '?' : PARAMETER);
  }
  return plain
    .replaceAll(/ +/g, ' ')
    .replaceAll(/(?<=[([]) | (?=[)\],;])/g, '')
    .replaceAll(/,(?! )/g, ', ')
    .replaceAll(/\b(IN|VALUES)\(/gi, '$1 (')
    .replaceAll(/(?<=[=(,<>] ?)[-+] ?(?=\?)/g, '')
    .replace(/[; ]+$/, '')
    .trim();
}

/** Comments of PostgreSQL contain others. */
function endOfComment(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

const withoutLists = (plain: string): string =>
  plain
    .replaceAll(/\bIN \(\?(?:::\w+)?(?:, \?(?:::\w+)?)*\)/gi, 'IN (…)')
    .replaceAll(/\bARRAY\[\?(?:, \?)*\]/gi, 'ARRAY[…]');
