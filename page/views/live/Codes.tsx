import { count } from '../../format/numbers.ts';
import type { Filter } from '../../live/filter.ts';
import { setQuery } from '../../navigation.ts';

interface CodesProps {
  readonly title: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Null: the codes have no batches that a click could show. */
  readonly filter: Filter | null;
}

/** Codes and how often they came, the commonest first. A click shows their batches. */
export function Codes({ title, counts, filter }: CodesProps) {
  const rows = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .sort(([, one], [, other]) => other - one);
  if (rows.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="codes">
        {rows.map(([code, value]) => (
          <li key={code}>
            {filter === null ? (
              <code>{code}</code>
            ) : (
              <button
                type="button"
                class="link"
                aria-pressed={code === filter.code}
                onClick={() => {
                  choose(code === filter.code ? null : code);
                }}
              >
                <code>{code}</code>
                <span class="unseen">: show its batches</span>
              </button>
            )}
            <span class="number">{count(value)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function choose(code: string | null): void {
  setQuery({ code });
  if (code !== null) document.getElementById('batches')?.scrollIntoView({ block: 'center' });
}
