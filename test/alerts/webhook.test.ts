import { describe, expect, it } from 'vitest';
import { pauseAfter, signature, signedHeaders } from '../../src/alerts/webhook.ts';

describe('the signature of a webhook', () => {
  it('the signature is that of the example of Standard Webhooks', () => {
    const text = signature(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      '1614265330',
      '{"test": 2432232314}',
    );
    expect(text).toBe('g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('the headers name the event, the same in every attempt, and the second of the attempt', () => {
    const delivery = { alertId: 'a', event: 'firing', body: '{}' } as const;
    const [first, later] = [1_000_000, 1_999_999].map((now) => signedHeaders(delivery, 'whsec_AAAA', now));
    expect(first).toMatchObject({ 'webhook-id': 'a_firing', 'webhook-timestamp': '1000' });
    expect(later).toMatchObject({ 'webhook-id': 'a_firing', 'webhook-timestamp': '1999' });
    expect(first!['webhook-signature']).not.toBe(later!['webhook-signature']);
  });
});

it('the pauses between attempts double from five seconds up to five minutes', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 100, 100_000].map((attempts) => pauseAfter(attempts) / 1_000);
  expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
});
