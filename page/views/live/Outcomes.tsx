import { Bar } from '../../charts/Bar.tsx';
import { Empty } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { count, counted, percent } from '../../format/numbers.ts';
import { chosen, spanName } from '../../live/filter.ts';
import { Codes } from './Codes.tsx';
import type { PartProps } from './part.ts';

/** What became of items, by which codes they were rejected, and by which codes operations failed. */
export function Outcomes({ picture: { metrics, refusals }, filter }: PartProps) {
  const figures = chosen(metrics, filter);
  const { applied = 0, replayed = 0, errors = [] } = figures ?? {};
  const { total = 0, byCode = {} } = figures?.rejected ?? {};
  const parts = [
    { name: 'applied', value: applied, colour: '--good' },
    { name: 'replayed', value: replayed, colour: '--series-6' },
    { name: 'rejected', value: total, colour: '--bad' },
  ];
  const all = applied + replayed + total;
  return (
    <Panel title="What became of items" note={spanName(filter.span)}>
      {all === 0 ? (
        <Empty>No item of a batch in this time. Reads have none.</Empty>
      ) : (
        <>
          <Bar
            parts={parts}
            label={parts.map(({ name, value }) => `${counted(value, 'item')} ${name}`).join(', ')}
          />
          <ul class="outcomes">
            {parts.map(({ name, value, colour }) => (
              <li key={name}>
                <span class="key" style={{ background: `var(${colour})` }} />
                {name} <strong>{count(value)}</strong> <span class="hint">{percent(value / all)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <Codes title="Rejected by" counts={byCode} filter={filter} />
      <Codes
        title="Operations failed by"
        counts={Object.fromEntries(errors.map((error) => [error.code, error.count]))}
        filter={filter}
      />
      <Codes title="Calls refused over HTTP, since the start" counts={refusals} filter={null} />
    </Panel>
  );
}
