import { useState } from 'preact/hooks';
import { Table } from '../components/Table.tsx';
import type { LineChartProps } from './lineChartProps.ts';

/** How many moments the table of a chart has. */
const ROWS = 12;

/** The same figures as a table, for those who do not see the lines. It is made only once it is opened. */
export function ChartTable({ label, lines, columns, format }: Omit<LineChartProps, 'gaps'>) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      class="chart-table"
      onToggle={({ currentTarget }) => {
        setOpen(currentTarget.open);
      }}
    >
      <summary>
        As a table<span class="unseen">: {label}</span>
      </summary>
      {isOpen && (
        <Table
          caption={label}
          columns={[
            { title: 'Time', cell: ({ time }) => time },
            ...lines.map((title, n) => ({
              title,
              isNumber: true,
              cell: ({ values }: Row) => format(values[n]),
            })),
          ]}
          rows={rowsOf(columns)}
          keyOf={({ time }) => time}
          empty="No figures yet."
        />
      )}
    </details>
  );
}

interface Row {
  readonly time: string;
  readonly values: readonly (number | null | undefined)[];
}

/** Moments at even distances, the newest first. */
function rowsOf([times, ...lines]: LineChartProps['columns']): Row[] {
  const step = Math.max(1, Math.ceil(times.length / ROWS));
  return times
    .map((time, n) => ({
      time: new Date(time * 1_000).toISOString().slice(11, 19),
      values: lines.map((values) => values[n]),
    }))
    .reverse()
    .filter((_, n) => n % step === 0);
}
