import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './Icon.tsx';

export type Tone = 'good' | 'warning' | 'bad' | 'info' | 'quiet';

const ICONS: Readonly<Record<Tone, IconName | null>> = {
  good: 'check',
  warning: 'warning',
  bad: 'error',
  info: 'info',
  quiet: null,
};

/** A state: its text and its icon say the same as its colour. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  const icon = ICONS[tone];
  return (
    <span class={`badge ${tone}`}>
      {icon !== null && <Icon name={icon} />}
      {children}
    </span>
  );
}
