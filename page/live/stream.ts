import { createParser } from 'eventsource-parser';
import { errorOf } from '../../src/client/errors.ts';
import type { LiveFrames } from '../../src/live/frame.ts';

/** An event of `GET /v1/live`. */
export type LiveEvent = {
  [Name in keyof LiveFrames]: { readonly name: Name; readonly data: LiveFrames[Name] };
}[keyof LiveFrames];

export interface StreamOptions {
  readonly url: string;
  readonly authorization: string;
  readonly signal: AbortSignal;
  /** Called whenever something comes, a comment too: the connection is alive. */
  readonly onPulse: () => void;
  readonly onEvent: (event: LiveEvent) => void;
}

const NAMES: ReadonlySet<string> = new Set<keyof LiveFrames>(['history', 'picture', 'closing']);

/**
 * Reads server-sent events until the service ends them. `EventSource` could not send the key in a header.
 *
 * @throws PincexClientError if the service refuses the call; TypeError of `fetch` if the connection fails
 */
export async function readStream({
  url,
  authorization,
  signal,
  onPulse,
  onEvent,
}: StreamOptions): Promise<void> {
  const response = await fetch(url, {
    signal,
    cache: 'no-store',
    redirect: 'error',
    headers: { authorization, accept: 'text/event-stream' },
  });
  if (!response.ok || response.body === null) throw errorOf(response, await response.text());
  const parser = createParser({
    onEvent: ({ event = '', data }) => {
      // An event that a newer service sends beside these is passed over, as the format asks for.
      if (NAMES.has(event)) onEvent({ name: event, data: JSON.parse(data) as unknown } as LiveEvent);
    },
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onPulse();
    parser.feed(decoder.decode(value, { stream: true }));
  }
}
