import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { App } from './app.ts';
import { components } from './schemas/common.ts';

/** Describes every route that is registered after it. */
export async function describe(app: App, version: string): Promise<void> {
  for (const { name, schema } of components()) app.addSchema({ ...schema, $id: name });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Pincex',
        version,
        description: 'The batch engine of an exchange: accounts, funds, orders and trades, many at a time.',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  });
}

const PAGE = '/docs';

/**
 * Serves the document, and a page to read it and to try calls on.
 *
 * @param isOpen whether they need no key
 */
export async function serveDocument(app: App, isOpen: boolean): Promise<void> {
  const access = isOpen ? { public: true as const } : { scope: 'read' as const };
  await app.register(async (pages) => {
    pages.addHook('onRoute', (route) => {
      route.config = { ...route.config, ...access };
    });
    await pages.register(swaggerUi, { routePrefix: PAGE });
    pages.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  });
}
