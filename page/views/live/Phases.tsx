import type { PhaseShare } from '../../../src/live/frame.ts';
import { Bar, BarLegend } from '../../charts/Bar.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { compact, duration, percent } from '../../format/numbers.ts';
import { operationTitle } from '../../format/text.ts';
import type { PartProps } from './part.ts';
import { PHASES, phaseParts, phaseText, type PhaseMs } from './phaseParts.ts';

interface Row extends PhaseShare {
  readonly name: string;
  readonly ofBatch: PhaseMs;
  readonly batchMs: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Batch', cell: ({ name }) => <Plain text={operationTitle(name)} /> },
  {
    title: 'Share of its time',
    class: 'grows',
    cell: ({ ofBatch }) => <Bar parts={phaseParts(ofBatch)} label={phaseText(ofBatch)} />,
  },
  {
    title: 'In PostgreSQL',
    isNumber: true,
    cell: ({ ofBatch, batchMs }) => percent((ofBatch.load + ofBatch.persist) / batchMs),
  },
  { title: 'A batch', isNumber: true, cell: ({ batchMs }) => duration(batchMs) },
  {
    title: 'Statements',
    isNumber: true,
    cell: ({ statements, batches }) => compact(statements / batches),
  },
];

/** Where the time of a batch goes. */
export function Phases({ picture: { phases }, filter }: PartProps) {
  const rows = Object.entries(phases)
    .filter(([name, { batches }]) => batches > 0 && (filter.operation ?? name) === name)
    .map(([name, share]) => rowOf(name, share))
    .sort((one, other) => other.batchMs * other.batches - one.batchMs * one.batches);
  return (
    <Panel
      title="Phases of a batch"
      note="average of the last five minutes"
      actions={<BarLegend parts={PHASES} />}
    >
      <Table
        caption="Phases of a batch, by operation"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ name }) => name}
        empty="No batch ran in the last five minutes. Reads have no phases."
      />
    </Panel>
  );
}

function rowOf(name: string, share: PhaseShare): Row {
  const { batches } = share;
  const ofBatch = {
    load: share.loadMs / batches,
    decide: share.decideMs / batches,
    persist: share.persistMs / batches,
    publish: share.publishMs / batches,
    other: share.otherMs / batches,
  };
  const batchMs = Object.values(ofBatch).reduce((sum, ms) => sum + ms, 0);
  return { ...share, name, ofBatch, batchMs };
}
