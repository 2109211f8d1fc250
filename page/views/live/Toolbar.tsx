import { Segments, Select } from '../../components/Choice.tsx';
import { Icon } from '../../components/Icon.tsx';
import { operationTitle } from '../../format/text.ts';
import { SPANS } from '../../live/filter.ts';
import { isPaused } from '../../live/live.ts';
import { setQuery } from '../../navigation.ts';
import type { PartProps } from './part.ts';

export function Toolbar({ picture: { metrics, processes }, filter }: PartProps) {
  // A link may name an operation or a process that is not there (any more): the choice shows it all the same.
  const operations = new Set([...Object.keys(metrics.byOperation).sort(), ...list(filter.operation)]);
  const ids = new Set([...processes.map(({ id }) => id), ...list(filter.process)]);
  const nameOf = (id: string): string => {
    const found = processes.find((one) => one.id === id);
    return found === undefined ? `${id} (ended)` : `${found.host}:${found.pid}`;
  };
  return (
    <div class="toolbar" role="group" aria-label="Filter">
      <Select
        label="Operation"
        value={filter.operation ?? ''}
        options={[
          { value: '', title: 'All operations' },
          ...[...operations].map((value) => ({ value, title: operationTitle(value) })),
        ]}
        onChoose={(operation) => {
          setQuery({ operation, code: null });
        }}
      />
      {(ids.size > 1 || filter.process !== null) && (
        <Select
          label="Process"
          value={filter.process ?? ''}
          options={[
            { value: '', title: 'All processes' },
            ...[...ids].map((value) => ({ value, title: nameOf(value) })),
          ]}
          onChoose={(process) => {
            setQuery({ process });
          }}
        />
      )}
      <Segments
        label="Time"
        value={filter.span}
        options={SPANS}
        onChoose={(window) => {
          setQuery({ window });
        }}
      />
      <button
        type="button"
        aria-pressed={isPaused.value}
        onClick={() => {
          isPaused.value = !isPaused.value;
        }}
      >
        <Icon name={isPaused.value ? 'play' : 'pause'} />
        {isPaused.value ? 'Go on' : 'Pause'}
      </button>
    </div>
  );
}

const list = (one: string | null): string[] => (one === null ? [] : [one]);
