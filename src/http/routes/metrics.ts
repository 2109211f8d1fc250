import type { App } from '../app.ts';
import type { Exposition, Source } from '../metrics/exposition.ts';

/**
 * Serves the metrics. Their library is loaded by the first scrape, and operations are observed from then on: a service
 * that nobody scrapes pays for neither.
 *
 * @param isOpen whether programs of this machine scrape without a key
 */
export function metricsRoute(app: App, source: Source, isOpen: boolean): void {
  let loading: Promise<Exposition> | undefined;
  const load = async (): Promise<Exposition> => {
    const { Exposition } = await import('../metrics/exposition.ts');
    return new Exposition(source);
  };
  /** The next scrape tries again. */
  const forget = (error: unknown): never => {
    loading = undefined;
    throw error;
  };
  app.addHook('onClose', async () => (await loading?.catch(() => undefined))?.close());
  app.get(
    '/metrics',
    // For scrapers, not for callers: the OpenAPI document leaves it out.
    { config: { scope: 'metrics', ...(isOpen && { openHere: true }) }, schema: { hide: true } },
    async (request, reply) => {
      const exposition = await (loading ??= load().catch(forget));
      const { contentType, text } = await exposition.scrape(request.headers.accept);
      await request.chargeBytes(text.length);
      return reply.type(contentType).send(text);
    },
  );
}
