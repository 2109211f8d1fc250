import type { TSchema } from 'typebox';
import { ref } from './common.ts';
import { problem } from './results.ts';

/** What a route answers: 200, or a problem; and what else there is. */
export const answers = (
  success: TSchema,
  others: Readonly<Record<number, TSchema>> = {},
): Readonly<Record<string, unknown>> => ({
  200: success,
  ...others,
  default: { description: 'A problem', content: { 'application/problem+json': { schema: ref(problem) } } },
});

/** What a stream answers: lines, or a problem where it does not begin. */
export const lines = (line: TSchema): Readonly<Record<string, unknown>> => ({
  ...answers(line),
  200: { description: 'Lines of JSON', content: { 'application/x-ndjson': { schema: line } } },
});
