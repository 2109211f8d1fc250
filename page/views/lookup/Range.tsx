import { setQuery } from '../../navigation.ts';

/** A range of times in UTC, kept in the address. */
export function Range({ from, to }: { readonly from: string | undefined; readonly to: string | undefined }) {
  return (
    <div class="row range">
      <Moment label="From" name="from" value={from} />
      <Moment label="Before" name="to" value={to} />
      {(from ?? to) !== undefined && (
        <button
          type="button"
          class="small"
          onClick={() => {
            setQuery({ from: null, to: null, cursor: null });
          }}
        >
          All times
        </button>
      )}
    </div>
  );
}

interface MomentProps {
  readonly label: string;
  /** The parameter of the address. */
  readonly name: string;
  readonly value: string | undefined;
}

/** A moment in UTC, to the second. */
export function Moment({ label, name, value }: MomentProps) {
  return (
    <label class="field">
      <span class="label">{label}</span>
      <input
        type="datetime-local"
        step={1}
        value={value?.replace(/(\.\d+)?Z$/, '') ?? ''}
        onChange={({ currentTarget }) => {
          const given = currentTarget.value;
          const seconds = /T\d\d:\d\d$/.test(given) ? `${given}:00` : given;
          setQuery({ [name]: given === '' ? null : `${seconds}Z`, cursor: null });
        }}
      />
    </label>
  );
}
