/** Id of the trace that is active in the caller's asynchronous context. No tracing is wired yet: there is none. */
export function activeTraceId(): string | undefined {
  return undefined;
}
