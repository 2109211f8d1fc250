import type { OperationMetrics } from '../../../src/monitor/figures.ts';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { compact, count, duration } from '../../format/numbers.ts';
import { operationTitle } from '../../format/text.ts';
import { spanName, within } from '../../live/filter.ts';
import { setQuery } from '../../navigation.ts';
import type { PartProps } from './part.ts';

interface Row extends OperationMetrics {
  readonly name: string;
}

const number = (
  title: string,
  value: (row: Row) => number | null,
  format: (value: number | null) => string,
): Column<Row> => ({
  title,
  isNumber: true,
  cell: (row) => format(value(row)),
  sortBy: (row) => value(row) ?? -1,
});

const COLUMNS: readonly Column<Row>[] = [
  number('Ops/s', ({ operationsPerSecond }) => operationsPerSecond, compact),
  number('Items/s', ({ itemsPerSecond }) => itemsPerSecond, compact),
  number('Batch', ({ batchSize }) => batchSize.average, compact),
  number('p50', ({ p50Ms }) => p50Ms, duration),
  number('p95', ({ p95Ms }) => p95Ms, duration),
  number('p99', ({ p99Ms }) => p99Ms, duration),
  number('Statements', ({ operations, statements }) => statements / operations, compact),
  {
    title: 'Failed',
    isNumber: true,
    sortBy: ({ failed }) => failed,
    cell: ({ failed }) => <span class={failed > 0 ? 'is-bad' : 'is-quiet'}>{count(failed)}</span>,
  },
];

/** Each operation with its figures. A click shows it alone. */
export function Operations({ picture: { metrics }, filter }: PartProps) {
  const rows = Object.entries(metrics.byOperation)
    .map(([name, windowed]) => ({ name, ...within(windowed, filter.span) }))
    .filter(({ operations }) => operations > 0)
    .sort((one, other) => other.totalMs - one.totalMs);
  const name: Column<Row> = {
    title: 'Operation',
    sortBy: (row) => operationTitle(row.name),
    cell: (row) => (
      <button
        type="button"
        class="link"
        aria-pressed={row.name === filter.operation}
        onClick={() => {
          setQuery({ operation: row.name === filter.operation ? null : row.name, code: null });
        }}
      >
        <Plain text={operationTitle(row.name)} />
      </button>
    ),
  };
  return (
    <Panel title="Operations" note={spanName(filter.span)}>
      <Table
        caption={`Operations of the ${spanName(filter.span)}`}
        columns={[name, ...COLUMNS]}
        rows={rows}
        keyOf={(row) => row.name}
        isMarked={(row) => row.name === filter.operation}
        empty="No batch or read ran in this time. A longer one may have some."
      />
    </Panel>
  );
}
