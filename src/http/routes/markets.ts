import Type from 'typebox';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { CallGate } from '../load/callGate.ts';
import { ref, strict } from '../schemas/common.ts';
import { answers } from '../schemas/responses.ts';
import { market } from '../schemas/views.ts';

/** The markets of the exchange. */
export function marketsRoute(app: App, { catalog }: Pincex, gate: CallGate): void {
  app.get(
    '/v1/markets',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getMarkets',
        tags: ['Markets'],
        summary: 'The markets by their symbols; those that the key is bound to if it is bound to some',
        response: answers(strict({ markets: Type.Array(ref(market)) })),
      },
    },
    async (request) => {
      // Another process may have added a market.
      const read = async () => (await catalog.refreshed()) ?? (await catalog.get());
      const { markets } = await gate.run(request, read, () => ({
        detail: 'The deadline of Request-Timeout passed before the markets were read',
      }));
      const { markets: bound } = request.caller.bounds;
      return {
        markets: [...markets.values()]
          .filter(({ symbol }) => bound?.includes(symbol) ?? true)
          .map(({ symbol, base, quote, tickSize, lotSize, minNotional }) => ({
            symbol,
            base: base.code,
            quote: quote.code,
            tickSize,
            lotSize,
            minNotional,
          })),
      };
    },
  );
}
