import type { TSchema } from 'typebox';

/** Successful answers of a route: 200 and `others`. */
export const answers = (
  success: TSchema,
  others: Readonly<Record<number, TSchema>> = {},
): Readonly<Record<string, unknown>> => ({ 200: success, ...others });

/** The answer of a stream of server-sent events. */
export const events = (event: TSchema): Readonly<Record<string, unknown>> => ({
  200: { description: 'Server-sent events', content: { 'text/event-stream': { schema: event } } },
});

/** The answer of a stream. */
export const lines = (line: TSchema): Readonly<Record<string, unknown>> => ({
  200: { description: 'Lines of JSON', content: { 'application/x-ndjson': { schema: line } } },
});

/** An answer as JSON, or its rows as CSV if the call asks for `text/csv`. */
export const csvOr = (success: TSchema): Readonly<Record<string, unknown>> => ({
  200: {
    description: 'The requested rows',
    content: { 'application/json': { schema: success }, 'text/csv': { schema: { type: 'string' } } },
  },
});
