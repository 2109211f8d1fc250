import type { PincexClientError } from '../../../src/client/index.ts';
import { Icon } from '../../components/Icon.tsx';
import { ErrorNote } from '../../components/Notes.tsx';
import { connection, filter, isPaused, picture } from '../../live/live.ts';
import { setQuery } from '../../navigation.ts';

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
      return filter.value.process !== null && state.error.code === 'not_found' ? (
        <EndedProcess />
      ) : (
        <ErrorNote error={state.error} />
      );
    case 'live':
      return filter.value.process !== null && !runs(filter.value.process) ? <EndedProcess /> : null;
    case 'connecting':
    case 'hidden':
      return null;
  }
}

const runs = (process: string): boolean => picture.value?.processes.some(({ id }) => id === process) ?? true;

function EndedProcess() {
  return (
    <div class="note warning" role="status">
      <Icon name="warning" />
      <p>The picked process has ended.</p>
      <button
        type="button"
        onClick={() => {
          setQuery({ process: null });
        }}
      >
        Show all processes
      </button>
    </div>
  );
}

const breakOf = ({ code, message }: PincexClientError): string =>
  code === 'network_error' || code === 'timeout'
    ? 'The service does not answer, or the connection broke.'
    : `The service answers: ${message}.`;
