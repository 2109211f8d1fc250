import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { App } from './app.ts';
import { components } from './schemas/common.ts';

const PAGE = '/docs';

/**
 * Describes every route that is registered after it, and serves a page to try calls on.
 *
 * @param isOpen whether the document and the page need no key
 */
export async function describe(app: App, version: string, isOpen: boolean): Promise<void> {
  const access = isOpen ? { public: true as const } : { scopes: ['read'] as const };
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(PAGE)) route.config = { ...route.config, ...access };
  });
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
  await app.register(swaggerUi, { routePrefix: PAGE });
  app.get('/openapi.json', { config: access, schema: { hide: true } }, () => app.swagger());
}
