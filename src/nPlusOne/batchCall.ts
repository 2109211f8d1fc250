/** The batch call to use instead of a loop, from the shape of its calls. */
export function batchCallFor(shape: string): string {
  const isOperation = /^[a-z_]+$/.test(shape);
  if (isOperation) return `call ${methodOf(shape)} once with all items`;
  const [verb = ''] = /[A-Z]+/.exec(shape.toUpperCase()) ?? [];
  return STATEMENTS[verb] ?? 'send one statement that takes all keys as an array';
}

/** `batchGetAccounts` of `batch_get_accounts`: operations are named after their methods. */
const methodOf = (operation: string): string =>
  operation.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

const STATEMENTS: Readonly<Record<string, string>> = {
  SELECT: 'send one SELECT with "= ANY($1)" and all keys as an array',
  INSERT: 'send one INSERT … SELECT FROM unnest($1, $2 …) with an array for each column',
  UPDATE: 'send one UPDATE … FROM unnest($1, $2 …) with an array for each column',
  DELETE: 'send one DELETE with "= ANY($1)" and all keys as an array',
};
