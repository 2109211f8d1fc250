import { signal, effect } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const STORED = 'pincex.theme';
const stored = localStorage.getItem(STORED);

/** What the person chose; `system` follows the system. */
export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system');

const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** Whether the page is dark now: charts draw again when it changes. */
export const isDark = signal(prefersDark.matches);

prefersDark.addEventListener('change', apply);

effect(apply);

function apply(): void {
  if (theme.value === 'system') localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, theme.value);
  isDark.value = theme.value === 'system' ? prefersDark.matches : theme.value === 'dark';
  document.documentElement.dataset['theme'] = isDark.peek() ? 'dark' : 'light';
}
