import { connection, picture, type ConnectionState } from '../live/live.ts';
import { hrefOf } from '../router.ts';
import { Badge } from './Badge.tsx';

const TEXTS: Readonly<Record<ConnectionState['kind'], string>> = {
  connecting: 'Connecting',
  live: 'Live',
  paused: 'Paused',
  hidden: 'Paused',
  broken: 'Reconnecting',
  refused: 'Refused',
};

/** Whether live figures come in, and how many alerts fire: both in every view. */
export function Connection() {
  const { kind } = connection.value;
  const firing = picture.value?.alerts.filter(({ state }) => state === 'firing').length ?? 0;
  return (
    <>
      {firing > 0 && (
        <a href={hrefOf([])} class="firing">
          <Badge tone="bad">
            {firing} {firing === 1 ? 'alert' : 'alerts'}
          </Badge>
        </a>
      )}
      <span class={`connection ${kind}`} role="status">
        <span class="dot" aria-hidden="true" />
        {TEXTS[kind]}
      </span>
    </>
  );
}
