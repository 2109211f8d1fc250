import type { DatabaseState } from '../../src/client/index.ts';
import { Badge } from '../components/Badge.tsx';
import { Empty, ErrorNote, Loading } from '../components/Notes.tsx';
import { Panel } from '../components/Panel.tsx';
import { Plain } from '../components/Plain.tsx';
import { Table, type Column } from '../components/Table.tsx';
import { Time } from '../components/Time.tsx';
import { useLoad } from '../components/useLoad.ts';
import { bytes, count, counted } from '../format/numbers.ts';
import { Audit } from './live/Audit.tsx';

type Finding = DatabaseState['findings'][number];
type Index = DatabaseState['indexes'][number];

/** The doctor's findings with their remedies, how indexes are used, and the last audit. */
export function Database() {
  const { data, error, isLoading, reload } = useLoad((client, signal) => client.getDatabase({ signal }), []);
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Database</h1>
          {data !== null && (
            <p class="hint">
              as of <Time at={data.at} />
            </p>
          )}
        </div>
        <button type="button" disabled={isLoading} onClick={reload}>
          {isLoading ? 'Looking …' : 'Look again'}
        </button>
      </div>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="the doctor's findings" />}
      {data !== null && (
        <>
          <Findings findings={data.findings} />
          <Audit audit={data.audit} now={data.at} />
          <Indexes indexes={data.indexes} />
        </>
      )}
    </div>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const hurting = findings.filter(({ severity }) => severity === 'hurts').length;
  return (
    <Panel
      title="The doctor"
      note={`${counted(hurting, 'finding')} that hurt, ${findings.length - hurting} of advice`}
    >
      {findings.length === 0 ? (
        <Empty>
          The doctor found nothing: schema, indexes, plans, tables, replicas, processes and room are as they
          should be.
        </Empty>
      ) : (
        <ul class="findings">
          {findings.map(({ check, severity, subject, message, remedy }) => (
            <li key={`${check} ${subject}`}>
              <Badge tone={severity === 'hurts' ? 'bad' : 'info'}>{severity}</Badge>
              <div>
                <p>
                  <Plain text={`${subject}: ${message}`} />
                </p>
                <p class="hint">
                  <Plain text={remedy} />
                </p>
              </div>
              <code class="hint">{check}</code>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const COLUMNS: readonly Column<Index>[] = [
  { title: 'Index', cell: ({ name }) => <code>{name}</code>, sortBy: ({ name }) => name },
  { title: 'Table', cell: ({ table }) => <code>{table}</code>, sortBy: ({ table }) => table },
  {
    title: 'Kind',
    cell: ({ isUnique }) => (isUnique ? 'unique' : ''),
    sortBy: ({ isUnique }) => String(isUnique),
  },
  {
    title: 'Scans',
    isNumber: true,
    cell: ({ scans }) => (scans === 0 ? <span class="is-quiet">never used</span> : count(scans)),
    sortBy: ({ scans }) => scans,
  },
  {
    title: 'Size',
    isNumber: true,
    cell: ({ sizeBytes }) => bytes(sizeBytes),
    sortBy: ({ sizeBytes }) => sizeBytes,
  },
];

function Indexes({ indexes }: { readonly indexes: readonly Index[] }) {
  return (
    <Panel title="Index use" class="tall" note="since the counters of PostgreSQL were reset">
      <Table
        caption="Use of indexes"
        columns={COLUMNS}
        rows={indexes}
        keyOf={({ table, name }) => `${table} ${name}`}
        empty="No index was found."
      />
    </Panel>
  );
}
