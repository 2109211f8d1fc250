import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import type { RowStream, StreamOptions } from '../../streams/stream.ts';
import type { Admission } from '../admission.ts';
import type { App } from '../app.ts';
import type { Closing } from '../closing.ts';
import { draining } from '../problems.ts';
import { onceClosed } from '../inHand.ts';
import { nameOf, ref, strict, type Component } from '../schemas/common.ts';
import { lines } from '../schemas/responses.ts';
import { account, journalEntry, operation, order, trade } from '../schemas/views.ts';

/** Who may stream at the same time, and whose turn it is to have the next piece of a stream made. */
export interface StreamTurns {
  readonly streams: Admission;
  readonly pieces: Admission;
  readonly closing: Closing;
}

/** Whole tables as NDJSON, in flat memory: rows are read as fast as the client takes them. */
export function streamRoutes(app: App, pincex: Pincex, { streams, pieces, closing }: StreamTurns): void {
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
        const gone = new AbortController();
        onceClosed(reply.raw, () => {
          gone.abort();
        });
        const lines = Readable.from(linesOf(rows, request, { pieces, closing, gone: gone.signal }));
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
  request: Payer,
  { pieces: turns, closing, gone }: Omit<StreamTurns, 'streams'> & { readonly gone: AbortSignal },
): AsyncGenerator<string, void> {
  const pieces = piecesOf(rows);
  try {
    for (;;) {
      const endTurn = await turns.enter(request.caller.keyId, Infinity);
      const { value: piece, done } = await pieces.next().finally(() => {
        endTurn(true);
      });
      await request.chargeRows(piece.rows);
      await request.confirmKey();
      yield piece.lines;
      if (done === true) return;
      await paid(request, gone, closing);
    }
  } finally {
    await pieces.return({ lines: '', rows: 0 });
  }
}

interface Piece {
  readonly lines: string;
  readonly rows: number;
}

async function* piecesOf(stream: RowStream<unknown>): AsyncGenerator<Piece, Piece> {
  let lines = '';
  let rows = 0;
  for await (const row of stream) {
    lines += `${JSON.stringify({ cursor: stream.cursor, row })}\n`;
    rows += 1;
    if (lines.length < PIECE) continue;
    yield { lines, rows };
    lines = '';
    rows = 0;
  }
  return { lines: `${lines}{"end":true}\n`, rows };
}

type Payer = Pick<FastifyRequest, 'caller' | 'confirmKey' | 'quota' | 'chargeRows'>;

/** Resolves once the key owes nothing any more. Meanwhile it may end, and whoever has gone is not waited for. */
async function paid(request: Payer, gone: AbortSignal, closing: Closing): Promise<void> {
  for (;;) {
    const quota = await request.quota();
    if (!quota?.hasDebt) return;
    // The client goes on at another process, behind the cursor that it has.
    if (closing.isUnderWay) throw draining();
    const ms = Math.min(quota.resetSeconds * 1_000, limits.apiKeys.rememberedMs);
    await sleep(ms, undefined, { signal: gone, ref: false });
    await request.confirmKey();
  }
}
