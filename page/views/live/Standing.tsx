import type { PincexClientError } from '../../../src/client/index.ts';
import type { LivePicture } from '../../../src/live/frame.ts';
import { ErrorNote } from '../../components/Notes.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Ago } from '../../components/Time.tsx';
import { counted } from '../../format/numbers.ts';
import { connection, filter, isPaused, picture, version } from '../../live/live.ts';
import { setQuery } from '../../navigation.ts';

/** The one sentence that is read from across the room. */
export function Standing({ picture: { alerts, at, processes, audit } }: { readonly picture: LivePicture }) {
  const firing = alerts.filter(({ state }) => state === 'firing');
  const tone = firing.some(({ severity }) => severity === 'error')
    ? 'bad'
    : firing.length > 0
      ? 'warning'
      : 'good';
  return (
    <div class={`standing ${tone}`}>
      <h1>
        <Icon name={tone === 'good' ? 'check' : tone === 'bad' ? 'error' : 'warning'} />
        {firing.length === 0
          ? 'No alert fires'
          : `${counted(firing.length, 'alert')} ${firing.length === 1 ? 'fires' : 'fire'}`}
      </h1>
      <p class="hint">
        {counted(processes.length, 'process', 'processes')} · Pincex {version.value} ·{' '}
        {audit === null ? (
          'no audit yet'
        ) : (
          <>
            audit <Ago at={audit.madeAt} now={at} />
          </>
        )}{' '}
        · <span class="clock">{at.slice(11, 19)}</span> UTC
      </p>
    </div>
  );
}

/** Why the figures stand still, where they do. */
export function Interruption() {
  const state = connection.value;
  switch (state.kind) {
    case 'paused':
      return (
        <div class="note info" role="status">
          <Icon name="pause" />
          <p>Paused. The charts are filled up again afterwards.</p>
          <button
            type="button"
            onClick={() => {
              isPaused.value = false;
            }}
          >
            Go on
          </button>
        </div>
      );
    case 'broken':
      return (
        <div class="note warning" role="status">
          <Icon name="warning" />
          <p>
            {breakOf(state.error)} The page tries again by itself.
            {picture.value !== null && ` These figures are those of ${picture.value.at.slice(11, 19)} UTC.`}
          </p>
        </div>
      );
    case 'refused':
      return (
        <>
          <ErrorNote error={state.error} />
          {filter.value.process !== null && (
            <p>
              <button
                type="button"
                onClick={() => {
                  setQuery({ process: null });
                }}
              >
                Show all processes
              </button>
            </p>
          )}
        </>
      );
    case 'connecting':
    case 'live':
    case 'hidden':
      return null;
  }
}

const breakOf = ({ code, message }: PincexClientError): string =>
  code === 'network_error' || code === 'timeout'
    ? 'The service does not answer, or the connection broke.'
    : `The service answers: ${message}.`;
