import { describe, expect, it } from 'vitest';
import { serve } from '../http/support.ts';
import { fresh, useBooks } from '../support/books.ts';
import { startReceiver, type ReceivedSpan } from './receiver.ts';

const books = useBooks();

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

/** Calls a service with these headers, and returns the spans that the collector got. */
async function call(headers: Record<string, string>): Promise<readonly ReceivedSpan[]> {
  const receiver = await startReceiver();
  const service = await serve(books);
  const deposit = { id: fresh('deposit'), userId: fresh('user'), currency: 'USD', amount: '1' };
  const { status } = await service.post('/v1/funds/batch-deposit', { items: [deposit] }, headers);
  expect(status).toBe(200);
  await service.post('/v1/accounts/batch-get', { userIds: [deposit.userId], currencies: ['USD'] }, headers);
  await service.stop();
  return receiver.spans;
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const found = spans.filter((span) => span.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
};

describe('the header traceparent of a call over HTTP', () => {
  it("the client's span is the parent of the call's batch", async () => {
    const spans = await call({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1' });
    const batch = named(spans, 'batch_deposit');
    expect(batch).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
    expect(named(spans, 'batch_get_accounts')).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
    expect(named(spans, 'persist')).toMatchObject({ traceId: TRACE, parentSpanId: batch.spanId });
  });

  it('a trace that the client does not sample has no spans', async () => {
    const spans = await call({ traceparent: `00-${TRACE}-${SPAN}-00` });
    expect(spans.map(({ traceId }) => traceId)).not.toContain(TRACE);
    expect(spans.map(({ name }) => name)).not.toContain('batch_deposit');
  });

  it.each([
    'nonsense',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
  ])('a malformed header %s is ignored: the batch begins a trace of its own', async (traceparent) => {
    const batch = named(await call({ traceparent }), 'batch_deposit');
    expect(batch.traceId).not.toBe(TRACE);
    expect(batch.parentSpanId ?? '').toBe('');
  });
});
