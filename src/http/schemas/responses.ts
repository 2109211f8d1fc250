import type { TSchema } from 'typebox';

/** What a route answers beside problems: 200, and what else there is. */
export const answers = (
  success: TSchema,
  others: Readonly<Record<number, TSchema>> = {},
): Readonly<Record<string, unknown>> => ({ 200: success, ...others });

/** What a stream answers: lines. */
export const lines = (line: TSchema): Readonly<Record<string, unknown>> => ({
  200: { description: 'Lines of JSON', content: { 'application/x-ndjson': { schema: line } } },
});
