import { amountParts } from '../format/amounts.ts';
import { Plain } from './Plain.tsx';

/**
 * An amount with every digit of the service. Groups of digits stand apart by style alone: the copied text is the amount, and so
 * is the text that a screen reader speaks.
 */
export function Amount({ value, currency }: { readonly value: string; readonly currency?: string }) {
  const parts = amountParts(value);
  return (
    <span class="amount">
      {parts === null ? (
        <Plain text={value} />
      ) : (
        <bdi>
          {parts.sign}
          {parts.groups.map((group) => (
            <span class="group">{group}</span>
          ))}
          {parts.fraction}
          <span class="zeros">{parts.zeros}</span>
        </bdi>
      )}
      {currency !== undefined && (
        <span class="currency">
          {' '}
          <Plain text={currency} />
        </span>
      )}
    </span>
  );
}
