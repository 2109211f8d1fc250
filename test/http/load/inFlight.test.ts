import Fastify, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Caller } from '../../../src/http/access/authenticate.ts';
import { limitInFlight } from '../../../src/http/load/inFlight.ts';
import { answerWithProblems } from '../../../src/http/calls/errorHandler.ts';
import { SharedBudget } from '../../../src/http/load/sharedBudget.ts';
import { until } from '../../support/waiting.ts';
import { UNBOUND } from '../access/unbound.ts';
import { dial } from '../wire.ts';

describe('calls in flight', () => {
  /** More than the connections of this machine hold. */
  const LARGE = 'x'.repeat(32 * 1_048_576);

  async function serve(
    calls: SharedBudget,
    answers: SharedBudget,
  ): Promise<{ app: FastifyInstance; url: string }> {
    const app = Fastify({ forceCloseConnections: true });
    answerWithProblems(app);
    const caller: Caller = { keyId: 'ann', scopes: [], rateLimit: null, bounds: UNBOUND };
    app.decorateRequest('caller', { getter: () => caller });
    app.addHook('onRequest', (request, _reply, done) => {
      request.keyId = request.routeOptions.config.public ? null : caller.keyId;
      done();
    });
    limitInFlight(app, { calls, bodies: new SharedBudget({ most: 0 }), answers });
    app.get('/', { config: { scope: [] } }, () => LARGE);
    app.get('/health', { config: { public: true } }, () => LARGE);
    await app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => app.close());
    return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` };
  }

  it('a call and its answer count as in flight until the client has taken the answer or hung up', async () => {
    const [calls, answers] = [new SharedBudget({ most: 2 }), new SharedBudget({ most: 2 * LARGE.length })];
    const { url } = await serve(calls, answers);
    const wire = await dial(url);
    wire.pause();
    wire.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the answer to wait', () => !answers.hasRoom('ann'));
    expect(calls.hasRoom('ann')).toBe(false);
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ code: 'overloaded', retryable: true });
    wire.hangUp();
    await until('it to be forgotten', () => answers.hasRoom('ann') && calls.hasRoom('ann'));
    expect((await (await fetch(url)).text()).length).toBe(LARGE.length);
    await until('it to be forgotten', () => answers.hasRoom('ann') && calls.hasRoom('ann'));
  });

  it('calls of public routes do not count as in flight', async () => {
    const [calls, answers] = [new SharedBudget({ most: 0 }), new SharedBudget({ most: 2 })];
    const { url } = await serve(calls, answers);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(url)).status).toBe(503);
  });
});
