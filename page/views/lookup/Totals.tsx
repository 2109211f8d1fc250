import type { CurrencyTotals } from '../../../src/client/index.ts';
import { Amount } from '../../components/Amount.tsx';
import { ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { count } from '../../format/numbers.ts';

const COLUMNS: readonly Column<CurrencyTotals>[] = [
  { title: 'Currency', cell: ({ currency }) => <code>{currency}</code>, sortBy: ({ currency }) => currency },
  {
    title: 'Accounts',
    isNumber: true,
    cell: ({ users }) => count(users.accounts),
    sortBy: ({ users }) => users.accounts,
  },
  { title: 'Available', isNumber: true, cell: ({ users }) => <Amount value={users.available} /> },
  { title: 'Locked', isNumber: true, cell: ({ users }) => <Amount value={users.locked} /> },
  { title: 'Owed to users', isNumber: true, cell: ({ users }) => <Amount value={users.balance} /> },
  { title: 'System', isNumber: true, cell: ({ system }) => <Amount value={system.balance} /> },
];

/** What is owed to users, by currency. */
export function Totals() {
  const { data, error, isLoading, reload } = useLoad(
    ({ lookup }, signal) => lookup.getTotals({ signal }),
    [],
  );
  return (
    <div class="view">
      <div class="view-head">
        <h1>Totals by currency</h1>
        <button type="button" disabled={isLoading} onClick={reload}>
          Add up again
        </button>
      </div>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="the totals" />}
      {data !== null && (
        <Panel
          title="All accounts"
          note="those of the system mirror all others, so each line adds up to zero"
        >
          <Table
            caption="Totals"
            columns={COLUMNS}
            rows={data}
            keyOf={({ currency }) => currency}
            empty="There are no accounts yet."
          />
        </Panel>
      )}
    </div>
  );
}
