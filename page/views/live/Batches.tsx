import type { NotableBatch } from '../../../src/live/frame.ts';
import { Bar } from '../../charts/Bar.tsx';
import { Badge } from '../../components/Badge.tsx';
import { Icon } from '../../components/Icon.tsx';
import { Id } from '../../components/Id.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { Ago } from '../../components/Time.tsx';
import { count, duration } from '../../format/numbers.ts';
import { operationTitle } from '../../format/text.ts';
import { setQuery } from '../../navigation.ts';
import { own } from '../../own.ts';
import type { PartProps } from './part.ts';
import { phaseParts, phaseText, type PhaseMs } from './phaseParts.ts';

const MOST = 12;

/** The slowest batches of the last hour, or the latest with the chosen code. */
export function Batches({ picture: { batches, at }, filter: { operation, code } }: PartProps) {
  const rows = batches
    .filter((batch) => operation === null || batch.operation === operation)
    .filter((batch) => code === null || batch.errorCode === code || (own(batch.rejected, code) ?? 0) > 0)
    .toSorted((one, other) =>
      code === null ? other.durationMs - one.durationMs : other.at.localeCompare(one.at),
    )
    .slice(0, MOST);
  const longestMs = Math.max(...rows.map(({ durationMs }) => durationMs));
  return (
    <div id="batches">
      <Panel
        title={code === null ? 'Slowest batches' : 'Latest batches with'}
        note={code === null ? 'of the last hour' : <code>{code}</code>}
        actions={
          code !== null && (
            <button
              type="button"
              class="small"
              onClick={() => {
                setQuery({ code: null });
              }}
            >
              <Icon name="close" />
              Show the slowest
            </button>
          )
        }
      >
        <Table
          caption="Batches"
          columns={columnsOf(at, longestMs)}
          rows={rows}
          keyOf={({ batchId, at: ended }) => `${batchId} ${ended}`}
          empty={
            code === null
              ? 'No batch ended in the last hour.'
              : 'No process remembers a batch with this code. Each remembers the latest of every code while it runs.'
          }
        />
      </Panel>
    </div>
  );
}

const columnsOf = (now: string, longestMs: number): readonly Column<NotableBatch>[] => [
  { title: 'Ended', cell: ({ at }) => <Ago at={at} now={now} />, sortBy: ({ at }) => at },
  {
    title: 'Operation',
    cell: ({ operation }) => <Plain text={operationTitle(operation)} />,
    sortBy: ({ operation }) => operation,
  },
  { title: 'Items', isNumber: true, cell: ({ items }) => count(items), sortBy: ({ items }) => items },
  {
    title: 'Took',
    isNumber: true,
    cell: ({ durationMs }) => duration(durationMs),
    sortBy: ({ durationMs }) => durationMs,
  },
  {
    title: 'Phases',
    class: 'grows',
    cell: (batch) => (
      <Bar parts={phaseParts(phasesOf(batch))} of={longestMs} label={phaseText(phasesOf(batch))} />
    ),
  },
  { title: 'Outcome', cell: (batch) => <Outcome batch={batch} /> },
  { title: 'Batch', cell: ({ batchId }) => <Id id={batchId} to={['batch', batchId]} /> },
];

function phasesOf({ phases, durationMs }: NotableBatch): PhaseMs {
  const { load, decide, persist, publish } = phases;
  return { load, decide, persist, publish, other: durationMs - load - decide - persist - publish };
}

function Outcome({ batch: { errorCode, rejected } }: { readonly batch: NotableBatch }) {
  if (errorCode !== null) return <Badge tone="bad">{errorCode}</Badge>;
  const [[code, most] = [], ...others] = Object.entries(rejected).sort(([, one], [, other]) => other - one);
  if (code === undefined || most === undefined) return <Badge tone="good">committed</Badge>;
  return (
    <Badge tone="warning">
      {count(most)} {code}
      {others.length > 0 && ` and ${others.length} more`}
    </Badge>
  );
}
