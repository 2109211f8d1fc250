import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import type { RowStream, StreamOptions } from '../../streams/stream.ts';
import type { Admission } from '../load/admission.ts';
import type { App } from '../app.ts';
import type { Connections } from '../connection/connections.ts';
import { onceClosed } from '../onceClosed.ts';
import { draining } from '../problems/problem.ts';
import { nameOf, ref, strict, type Component } from '../schemas/common.ts';
import { lines } from '../schemas/responses.ts';
import { account, journalEntry, operation, order, trade } from '../schemas/views.ts';

export interface StreamLoad {
  /** Streams that are open at the same time. */
  readonly streams: Admission;
  /** Pieces of streams that are made at the same time. */
  readonly pieces: Admission;
  readonly connections: Pick<Connections, 'isClosing'>;
}

/** Whole tables as NDJSON in constant memory: rows are read as fast as the client takes them. */
export function streamRoutes(app: App, pincex: Pincex, { streams, pieces, connections }: StreamLoad): void {
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
        // The default handler of HEAD would read the whole table and discard it.
        if (request.method === 'HEAD') return reply.type('application/x-ndjson').send();
        const rows = open({ after: request.query.after ?? null });
        const leave = await streams.enter(request.caller.keyId, request.deadline);
        const hungUp = new AbortController();
        onceClosed(reply.raw, () => {
          hungUp.abort();
        });
        const lines = Readable.from(linesOf(rows, request, { pieces, connections, hungUp: hungUp.signal }));
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

/** Characters of a piece: a piece ends with the line that reaches them. */
const PIECE_LENGTH = 64 * 1024;

/** Yields the lines in pieces. If the key ends, the stream breaks off without its last line. */
async function* linesOf(
  rows: RowStream<unknown>,
  request: Payer,
  { pieces: admission, connections, hungUp }: Omit<StreamLoad, 'streams'> & { readonly hungUp: AbortSignal },
): AsyncGenerator<string, void> {
  const pieces = piecesOf(rows);
  try {
    for (;;) {
      const leave = await admission.enter(request.caller.keyId, Infinity);
      const { value: piece, done } = await pieces.next().finally(() => {
        leave(true);
      });
      await request.chargeRows(piece.rows);
      await request.confirmKey();
      yield piece.lines;
      if (done === true) return;
      await debtPaid(request, hungUp, connections);
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
    if (lines.length < PIECE_LENGTH) continue;
    yield { lines, rows };
    lines = '';
    rows = 0;
  }
  return { lines: `${lines}{"end":true}\n`, rows };
}

type Payer = Pick<FastifyRequest, 'caller' | 'confirmKey' | 'quota' | 'chargeRows'>;

/**
 * Waits until the key owes no items any more. Throws if the key ends, the client hangs up or the server closes meanwhile.
 */
async function debtPaid(
  request: Payer,
  hungUp: AbortSignal,
  connections: Pick<Connections, 'isClosing'>,
): Promise<void> {
  for (;;) {
    const quota = await request.quota();
    if (!quota?.hasDebt) return;
    // The client can go on at another process, behind its last cursor.
    if (connections.isClosing) throw draining();
    const ms = Math.min(quota.resetSeconds * 1_000, limits.apiKeys.rememberedMs);
    await sleep(ms, undefined, { signal: hungUp, ref: false });
    await request.confirmKey();
  }
}
