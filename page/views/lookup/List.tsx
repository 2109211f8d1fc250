import type { ComponentChildren } from 'preact';
import type { Page, PincexClient } from '../../../src/client/index.ts';
import { ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { address, setQuery } from '../../navigation.ts';
import { hrefOf } from '../../router.ts';
import { CsvButton } from './CsvButton.tsx';
import { Range } from './Range.tsx';

/** The parameters of a list that stand in the address, so that a link keeps the page. */
export interface ListQuery {
  readonly cursor?: string;
  readonly from?: string;
  readonly to?: string;
}

export const PAGE_ROWS = 50;

interface ListProps<Row> {
  readonly title: string;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
  readonly read: (client: PincexClient, query: ListQuery, signal: AbortSignal) => Promise<Page<Row>>;
  /** The path of the same list in the API, for its CSV. */
  readonly path: string;
  readonly hasTimes?: boolean;
}

/** A list of which one page is shown; it goes on at both ends. */
export function List<Row>({ title, columns, keyOf, empty, read, path, hasTimes = true }: ListProps<Row>) {
  const { cursor, from, to } = address.value.query as ListQuery;
  const query = { ...(cursor && { cursor }), ...(from && { from }), ...(to && { to }) };
  const { data, error, isLoading, reload } = useLoad(
    (client, signal) => read(client, query, signal),
    [cursor, from, to],
  );
  return (
    <Panel title={title} actions={<CsvButton path={path} query={query} />}>
      {hasTimes && <Range from={from} to={to} />}
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what={title.toLowerCase()} />}
      {data !== null && (
        <>
          <Table caption={title} columns={columns} rows={data.rows} keyOf={keyOf} empty={empty} />
          <nav class="pages" aria-label={`Pages of ${title.toLowerCase()}`} aria-busy={isLoading}>
            <Turn to={data.newer} title="Newer" />
            <Turn to={data.older} title="Older" />
          </nav>
        </>
      )}
    </Panel>
  );
}

function Turn({ to, title }: { readonly to: string | null; readonly title: string }) {
  return (
    <button
      type="button"
      disabled={to === null}
      onClick={() => {
        setQuery({ cursor: to });
      }}
    >
      {title}
    </button>
  );
}

interface NewestProps<Row> extends Pick<ListProps<Row>, 'title' | 'columns' | 'keyOf' | 'empty'> {
  readonly read: (client: PincexClient, signal: AbortSignal) => Promise<Page<Row>>;
  /** Where the whole list is. */
  readonly all: readonly string[];
}

/** The first rows of a list, with a link to all of it. */
export function Newest<Row>({ title, columns, keyOf, empty, read, all }: NewestProps<Row>) {
  const { data, error, reload } = useLoad(read, []);
  return (
    <Panel title={title} actions={<a href={hrefOf(all)}>All {title.toLowerCase()}</a>}>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what={title.toLowerCase()} />}
      {data !== null && (
        <Table caption={title} columns={columns} rows={data.rows} keyOf={keyOf} empty={empty} />
      )}
    </Panel>
  );
}
