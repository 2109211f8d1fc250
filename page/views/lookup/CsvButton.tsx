import { useState } from 'preact/hooks';
import { Plain } from '../../components/Plain.tsx';
import { fetchText } from '../../session.ts';

interface CsvButtonProps {
  /** Of the list in the API. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/** Most rows that one file has. */
const ROWS = '1000';

/** Saves a list as CSV, from the row on that is shown first. */
export function CsvButton({ path, query }: CsvButtonProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const save = async (): Promise<void> => {
    const search = new URLSearchParams({ limit: ROWS, ...query });
    const answer = await fetchText(`${path}?${search.toString()}`, 'text/csv');
    setProblem(answer.problem);
    if (answer.text !== null) download(answer.text, `${path.split('/').at(-1) ?? 'rows'}.csv`);
  };
  return (
    <>
      {problem !== null && (
        <span class="is-bad" role="alert">
          <Plain text={problem} />
        </span>
      )}
      <button type="button" class="small" onClick={() => void save()}>
        CSV
      </button>
    </>
  );
}

function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
