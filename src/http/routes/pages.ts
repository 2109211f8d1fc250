import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type TProperties } from 'typebox';
import { limits } from '../../limits.ts';
import type { Page, PageOptions } from '../../reads/page.ts';
import { ref, strict, type Component } from '../schemas/common.ts';
import { csvOr } from '../schemas/responses.ts';
import { csvOf } from '../../csv.ts';

/** Pages of lists: their parameters, their schema, and their answer. */

export const optionalText = (description: string) => Type.Optional(Type.String({ description }));

export const pageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,9}$',
      description: `Rows of the page, at most ${limits.reads.pageRows.most}; ${limits.reads.pageRows.byDefault} where absent`,
    }),
  ),
  cursor: optionalText('`older` or `newer` of another page; the newest rows where absent'),
};
export const rangeQuery = {
  ...pageQuery,
  from: optionalText('Only rows from this time on, ISO 8601'),
  to: optionalText('Only rows before this time, ISO 8601'),
};
export const symbolQuery = { symbol: optionalText('Only of this market') };

/** A list of rows under its name, with the cursors of the pages beside it. */
export const pageAnswer = (
  name: string,
  row: Component,
  others: TProperties = {},
): Record<string, unknown> => {
  const cursor = Type.Unsafe<string | null>({ type: ['string', 'null'] });
  return csvOr(strict({ [name]: Type.Array(ref(row)), ...others, older: cursor, newer: cursor }));
};

type PageQuery = Omit<PageOptions, 'limit'> & { readonly limit?: string | undefined };

export const pageOptions = <Query extends PageQuery>({ limit, ...query }: Query) => ({
  ...query,
  ...(limit !== undefined && { limit: Number(limit) }),
});

/** Whether a call prefers CSV to JSON. */
const asksForCsv = ({ headers: { accept = '' } }: Pick<FastifyRequest, 'headers'>): boolean =>
  /^text\/csv\b/i.test(accept.trim());

/** Answers with a page: as JSON, or its rows alone as CSV. */
export function sendPage<View extends object>(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  { rows, older, newer, ...others }: Page<View>,
): unknown {
  if (asksForCsv(request)) {
    if (older !== null) reply.header('link', `<?cursor=${older}>; rel="next"`);
    return reply.type('text/csv; charset=utf-8').serializer(String).send(csvOf(rows));
  }
  return { [name]: rows, ...others, older, newer };
}

export const rowsIn = ({ rows }: Page<unknown>): number => rows.length;

/** Answers with the rows of a list that has no pages: as JSON under its name, or as CSV. */
export function sendRows(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  rows: readonly object[],
): unknown {
  if (!asksForCsv(request)) return { [name]: rows };
  return reply.type('text/csv; charset=utf-8').serializer(String).send(csvOf(rows));
}
