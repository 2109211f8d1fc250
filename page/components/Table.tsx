import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from './Icon.tsx';
import { Empty } from './Notes.tsx';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers and amounts stand at the end, so that their digits stand below each other. */
  readonly isNumber?: boolean;
  /** What the column is sorted by; without it, it is not. */
  readonly sortBy?: (row: Row) => number | string;
  readonly class?: string;
}

interface TableProps<Row> {
  /** For screen readers: the heading of the panel says it to the eye. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Stands in the place of the table without rows. */
  readonly empty: ComponentChildren;
  readonly isMarked?: (row: Row) => boolean;
}

interface Sorting {
  readonly title: string;
  readonly isDescending: boolean;
}

/** A table that scrolls sideways by itself where it is wider than the page. */
export function Table<Row>({ caption, columns, rows, keyOf, empty, isMarked }: TableProps<Row>) {
  const [sorting, setSorting] = useState<Sorting | null>(null);
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    // It can be scrolled by the keyboard, so it takes the focus and has a name.
    <div class="table" role="group" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading column={column} sorting={sorting} onSort={setSorting} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(rows, columns, sorting).map((row) => (
            <tr key={keyOf(row)} class={isMarked?.(row) === true ? 'marked' : undefined}>
              {columns.map((column) => (
                <td class={classOf(column)}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadingProps<Row> {
  readonly column: Column<Row>;
  readonly sorting: Sorting | null;
  readonly onSort: (sorting: Sorting) => void;
}

function Heading<Row>({ column, sorting, onSort }: HeadingProps<Row>) {
  const { title, sortBy } = column;
  if (sortBy === undefined)
    return (
      <th scope="col" class={classOf(column)}>
        {title}
      </th>
    );
  const isSorted = sorting?.title === title;
  // Numbers begin with the largest, texts with the first of the alphabet.
  const isDescending = isSorted ? !sorting.isDescending : column.isNumber === true;
  const order = isSorted ? (sorting.isDescending ? 'descending' : 'ascending') : 'none';
  return (
    <th scope="col" class={classOf(column)} aria-sort={order}>
      <button
        type="button"
        class="sort"
        onClick={() => {
          onSort({ title, isDescending });
        }}
      >
        {title}
        {isSorted && <Icon name={sorting.isDescending ? 'down' : 'up'} />}
      </button>
    </th>
  );
}

const classOf = <Row,>({ isNumber = false, class: kind = '' }: Column<Row>): string | undefined =>
  `${isNumber ? 'number' : ''} ${kind}`.trim() || undefined;

function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | null,
): readonly Row[] {
  const sortBy = columns.find(({ title }) => title === sorting?.title)?.sortBy;
  if (sortBy === undefined || sorting === null) return rows;
  const direction = sorting.isDescending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [sortBy(one), sortBy(other)];
    return a === b ? 0 : (a < b ? -1 : 1) * direction;
  });
}
