import { createHmac } from 'node:crypto';
import type { Alert } from '../alert.ts';

/** An event of an alert for the webhook. */
export interface Delivery {
  readonly alertId: string;
  readonly event: 'firing' | 'resolved';
  /** The text that is signed and sent. */
  readonly body: string;
}

/** The body of an event: that of Standard Webhooks, `type`, `timestamp` and `data`. */
export function bodyOf(event: Delivery['event'], alert: Alert): string {
  const timestamp = event === 'firing' ? alert.firedAt : alert.resolvedAt;
  return JSON.stringify({ type: `alert.${event}`, timestamp, data: alert });
}

/** The headers by which the receiver knows the sender, the age of the request, and a repetition. */
export function signedHeaders(
  { alertId, event, body }: Delivery,
  secret: string,
  nowMs: number,
): Readonly<Record<string, string>> {
  const id = `${alertId}_${event}`;
  const timestamp = String(Math.floor(nowMs / 1_000));
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature(secret, id, timestamp, body)}`,
  };
}

/** @param secret `whsec_` and the key in base64 */
export function signature(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
}

/** The webhook answered, but not with 2xx. */
export class NotTaken extends Error {}

/** Code of a failed connection, such as `ECONNREFUSED`, or the kind of the error, such as `TimeoutError`. */
export function networkCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

/**
 * Sends a delivery once. Any 2xx means that the webhook has taken it.
 *
 * @throws Error whose message says why it was not taken
 */
export async function send(
  delivery: Delivery,
  { url, secret }: { readonly url: string; readonly secret: string },
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: signedHeaders(delivery, secret, Date.now()),
    body: delivery.body,
    // The signature is for this URL alone.
    redirect: 'manual',
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new NotTaken(`the webhook answered ${response.status}`);
}

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** How long to wait after a failed attempt. Webhooks that are far behind are then tried every five minutes. */
export const pauseAfter = (attempts: number): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
