import type * as OpenTelemetry from '@opentelemetry/api';

export type Api = typeof OpenTelemetry;

let api: Api | undefined;

/** Loads the API, which every process that traces has once. */
export async function loadApi(): Promise<Api> {
  return (api ??= await import('@opentelemetry/api'));
}

/** The parts of the API that an SDK registers. */
export const PARTS = ['trace', 'metrics', 'context', 'propagation'] as const;

export type Registered = Partial<Readonly<Record<(typeof PARTS)[number], unknown>>>;

/** A copy of what has been registered in this process, by any copy of the API. Loads nothing. */
export function registered(): Registered {
  const { [Symbol.for('opentelemetry.js.api.1')]: parts } = globalThis as Record<
    symbol,
    Registered | undefined
  >;
  return { ...parts };
}

/** The id of the trace that is active now; `undefined` if there is none, or if it is not sampled and so cannot be found. */
export function traceIdOf(): string | undefined {
  const span = api?.trace.getSpanContext(api.context.active());
  if (api === undefined || span === undefined) return undefined;
  return (span.traceFlags & api.TraceFlags.SAMPLED) === 0 ? undefined : span.traceId;
}
