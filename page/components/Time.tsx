import { ago, timeParts } from '../format/times.ts';

/** A moment in UTC. */
export function Time({ at }: { readonly at: string }) {
  const parts = timeParts(at);
  if (parts === null) return <>{at}</>;
  return (
    <time class="time" dateTime={at} title={`${at} (UTC)`}>
      {parts.day} <span class="clock">{parts.clock}</span>
      <span class="fraction">{parts.fraction}</span>
    </time>
  );
}

/** How long ago a moment was, by the clock of the service. */
export function Ago({ at, now }: { readonly at: string; readonly now: string }) {
  return (
    <time class="time" dateTime={at} title={`${at} (UTC)`}>
      {ago(at, now)}
    </time>
  );
}
