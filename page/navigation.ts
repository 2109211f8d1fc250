import { signal } from '@preact/signals';
import { hrefOf, parseAddress, type Address } from './router.ts';

/** Where the page is. */
export const address = signal<Address>(parseAddress(location.hash));

addEventListener('hashchange', () => {
  address.value = parseAddress(location.hash);
});

/** Changes parameters of the address in its place, so that a link keeps the view and "back" leaves it. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const { parts, query } = address.value;
  const href = hrefOf(parts, { ...query, ...changes });
  history.replaceState(null, '', href);
  address.value = parseAddress(href);
}

export function go(parts: readonly string[], query?: Readonly<Record<string, string | null>>): void {
  location.hash = hrefOf(parts, query);
}
