export interface Part {
  readonly name: string;
  readonly value: number;
  /** A variable of the theme. */
  readonly colour: string;
}

interface BarProps {
  readonly parts: readonly Part[];
  /** The length of the whole bar; by default the parts together. */
  readonly of?: number;
  /** Says the parts to those who do not see them. */
  readonly label: string;
}

/** Parts of a whole beside each other. */
export function Bar({ parts, of, label }: BarProps) {
  const whole = of ?? parts.reduce((sum, { value }) => sum + value, 0);
  return (
    <span class="bar" role="img" aria-label={label} title={label}>
      {whole > 0 &&
        parts.map(
          ({ name, value, colour }) =>
            value > 0 && (
              <span key={name} style={{ width: `${(100 * value) / whole}%`, background: `var(${colour})` }} />
            ),
        )}
    </span>
  );
}

/** The names of the parts with their colours. */
export function BarLegend({ parts }: { readonly parts: readonly Pick<Part, 'name' | 'colour'>[] }) {
  return (
    <ul class="legend">
      {parts.map(({ name, colour }) => (
        <li key={name}>
          <span class="key" style={{ background: `var(${colour})` }} />
          {name}
        </li>
      ))}
    </ul>
  );
}
