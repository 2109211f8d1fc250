import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Pincex } from '../../pincex.ts';
import type { RowStream, StreamOptions } from '../../streams/stream.ts';
import type { Admission } from '../admission.ts';
import type { App } from '../app.ts';
import { nameOf, ref, strict, type Component } from '../schemas/common.ts';
import { lines } from '../schemas/responses.ts';
import { account, journalEntry, operation, order, trade } from '../schemas/views.ts';

/** Who may stream at the same time, and whose turn it is to have the next piece of a stream made. */
export interface StreamTurns {
  readonly streams: Admission;
  readonly pieces: Admission;
}

/** Whole tables as NDJSON, in flat memory: rows are read as fast as the client takes them. */
export function streamRoutes(app: App, pincex: Pincex, { streams, pieces }: StreamTurns): void {
  const stream = (table: string, row: Component, open: (options: StreamOptions) => RowStream<unknown>) => {
    app.get(
      `/v1/stream/${table}`,
      {
        config: { scope: 'read', ofAll: ['users', 'markets'], argument: { parameter: 'after' } },
        schema: {
          operationId: `stream${nameOf(table)}`,
          tags: ['Streams'],
          summary: `All ${table === 'journal' ? 'journal entries' : table}, a line of JSON for each`,
          description:
            'Each line is `{"cursor": …, "row": …}`; a stream that broke goes on behind a line when its cursor is given as `after`. A stream that ends without a line `{"end": true}` was cut off.',
          querystring: strict({ after: Type.Optional(Type.String({ description: 'A cursor' })) }),
          response: lines(
            Type.Unsafe({
              oneOf: [strict({ cursor: Type.String(), row: ref(row) }), strict({ end: Type.Literal(true) })],
            }),
          ),
        },
      },
      async (request, reply) => {
        // The whole table would be read for nobody.
        if (request.method === 'HEAD') return reply.type('application/x-ndjson').send();
        const rows = open({ after: request.query.after ?? null });
        const leave = await streams.enter(request.caller.keyId, request.deadline);
        const lines = Readable.from(linesOf(rows, request, pieces));
        lines.once('close', leave);
        return reply.type('application/x-ndjson').send(lines);
      },
    );
  };
  stream('accounts', account, (options) => pincex.streamAccounts(options));
  stream('orders', order, (options) => pincex.streamOrders(options));
  stream('trades', trade, (options) => pincex.streamTrades(options));
  stream('journal', journalEntry, (options) => pincex.streamJournal(options));
  stream('operations', operation, (options) => pincex.streamOperations(options));
}

/** Lines are sent in pieces of about this many characters. */
const PIECE = 64 * 1024;

/** Once the key has ended nothing more is told, and the last line is missing. */
async function* linesOf(
  rows: RowStream<unknown>,
  request: Pick<FastifyRequest, 'caller' | 'confirmKey'>,
  turns: Admission,
): AsyncGenerator<string, void> {
  const pieces = piecesOf(rows);
  try {
    for (;;) {
      const endTurn = await turns.enter(request.caller.keyId, Infinity);
      const { value, done } = await pieces.next().finally(() => {
        endTurn(true);
      });
      await request.confirmKey();
      yield value;
      if (done === true) return;
    }
  } finally {
    await pieces.return('');
  }
}

async function* piecesOf(rows: RowStream<unknown>): AsyncGenerator<string, string> {
  let piece = '';
  for await (const row of rows) {
    piece += `${JSON.stringify({ cursor: rows.cursor, row })}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  return `${piece}{"end":true}\n`;
}
