import { foreignAnswer } from './errors.ts';
import { brokenOff } from './exchange.ts';
import { parse, type CallOptions, type Transport } from './transport.ts';
import type { LiveEvent } from './types.ts';

export interface LiveOptions extends CallOptions {
  /** The id of a process, for its figures alone. Default: all processes. */
  readonly process?: string | undefined;
  /** How long the next event may take before the connection counts as broken. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

const NAMES: readonly string[] = ['history', 'picture', 'closing'] satisfies readonly LiveEvent['event'][];

/** Characters of one event: an hour of points of 30 operations has two million. */
const LONGEST_EVENT = 8 * 1_048_576;

/** The events of the service. If the connection breaks, the client connects again, and the events begin with a history again. */
export async function* liveEvents(
  transport: Transport,
  { process, ...options }: LiveOptions,
): AsyncGenerator<LiveEvent, void> {
  const path = process === undefined ? '/v1/live' : `/v1/live?process=${encodeURIComponent(process)}`;
  const retries = transport.retries(options.signal);
  for (;;) {
    try {
      let name = '';
      for await (const lines of transport.lines(path, options, LONGEST_EVENT)) {
        for (const line of lines) {
          if (line.startsWith('event: ')) name = line.slice('event: '.length);
          if (!line.startsWith('data: ')) continue;
          if (!NAMES.includes(name)) throw foreignAnswer("An event is not one of the service's", line, 200);
          retries.reset();
          yield { event: name, data: parse(line.slice('data: '.length), 200) } as LiveEvent;
        }
      }
      throw brokenOff();
    } catch (error) {
      await retries.after(error);
    }
  }
}
