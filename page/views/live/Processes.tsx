import type { ProcessLine } from '../../../src/live/frame.ts';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { Ago } from '../../components/Time.tsx';
import { compact, duration, percent } from '../../format/numbers.ts';
import { setQuery } from '../../navigation.ts';
import type { PartProps } from './part.ts';

const FIGURES: readonly Column<ProcessLine>[] = [
  { title: 'Ops/s', isNumber: true, cell: ({ minute }) => compact(minute.operationsPerSecond) },
  { title: 'Items/s', isNumber: true, cell: ({ minute }) => compact(minute.itemsPerSecond) },
  { title: 'p95', isNumber: true, cell: ({ minute }) => duration(minute.p95Ms) },
  {
    title: 'Success',
    isNumber: true,
    cell: ({ minute: { operations, successRate } }) => percent(operations === 0 ? null : successRate),
  },
  { title: 'Connections', isNumber: true, cell: ({ pool }) => `${pool.inUse} of ${pool.max}` },
  {
    title: 'Figures',
    isNumber: true,
    cell: ({ ageMs }) => (ageMs < 1_000 ? 'now' : `${duration(ageMs)} old`),
  },
];

/** Every process that runs. A click shows one alone. */
export function Processes({ picture: { processes, at }, filter }: PartProps) {
  const columns: readonly Column<ProcessLine>[] = [
    {
      title: 'Process',
      cell: ({ id, host, pid }) => (
        <button
          type="button"
          class="link"
          aria-pressed={id === filter.process}
          onClick={() => {
            setQuery({ process: id === filter.process ? null : id });
          }}
        >
          <Plain text={`${host}:${pid}`} />
        </button>
      ),
    },
    { title: 'Started', cell: ({ startedAt }) => <Ago at={startedAt} now={at} /> },
    ...FIGURES,
  ];
  return (
    <Panel title="Processes" note="last minute">
      <Table
        caption="Processes"
        columns={columns}
        rows={processes}
        keyOf={({ id }) => id}
        isMarked={({ id }) => id === filter.process}
        empty="No process has reported yet."
      />
    </Panel>
  );
}
