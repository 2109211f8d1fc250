import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyContextConfig } from 'fastify';
import type { App } from './app.ts';
import { components } from './schemas/common.ts';
import { documented } from './schemas/documented.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It takes an `Idempotency-Key`. */
    readonly isWrite?: true;
  }
}

const PAGE = '/docs';
const DOCUMENT = '/openapi.json';

/**
 * Describes every route that is registered after it.
 *
 * @param isOpen whether the document, and the page that shows it, need no key
 */
export async function describe(app: App, version: string, isOpen: boolean): Promise<void> {
  // The page's routes are its library's: what they need is said here, before anything asks for it.
  const access = isOpen ? { public: true as const } : { scope: 'read' as const, isPage: true as const };
  app.addHook('onRoute', (route) => {
    if (route.url === DOCUMENT || route.url.startsWith(PAGE)) route.config = { ...route.config, ...access };
    route.schema = { ...route.schema, security: securityOf(route.config) };
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
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key that has every scope that the operation names, or `admin`.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: documented(schema, route.config), url }),
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  });
}

/** What a key has to be good for, as the document says it: all that stands there; nothing where no key is needed. */
function securityOf({ public: isPublic, scope = [] }: FastifyContextConfig = {}): Record<string, string[]>[] {
  return isPublic ? [] : [{ key: typeof scope === 'string' ? [scope] : [...scope] }];
}

/** Serves the document, and a page to read it and to try calls on. */
export async function serveDocument(app: App): Promise<void> {
  await app.register(swaggerUi, { routePrefix: PAGE });
  app.get(DOCUMENT, { schema: { hide: true } }, () => app.swagger());
}
