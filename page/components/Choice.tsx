interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly title: string }[];
  readonly onChoose: (value: Value) => void;
}

/** A choice from a list that may be long. */
export function Select<Value extends string>({ label, value, options, onChoose }: ChoiceProps<Value>) {
  return (
    <label class="field">
      <span class="label">{label}</span>
      <select
        value={value}
        onChange={({ currentTarget }) => {
          onChoose(currentTarget.value as Value);
        }}
      >
        {options.map((option) => (
          <option value={option.value} selected={option.value === value}>
            {option.title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A choice from a few that are all seen. */
export function Segments<Value extends string>({ label, value, options, onChoose }: ChoiceProps<Value>) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          type="button"
          aria-pressed={option.value === value}
          onClick={() => {
            onChoose(option.value);
          }}
        >
          {option.title}
        </button>
      ))}
    </div>
  );
}
