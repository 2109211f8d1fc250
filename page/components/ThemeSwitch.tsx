import { theme, type Theme } from '../theme.ts';
import { Icon, type IconName } from './Icon.tsx';

/** Each theme, its icon, and the one that follows it. */
const THEMES: Readonly<Record<Theme, { readonly icon: IconName; readonly next: Theme }>> = {
  system: { icon: 'screen', next: 'light' },
  light: { icon: 'sun', next: 'dark' },
  dark: { icon: 'moon', next: 'system' },
};

export function ThemeSwitch() {
  const { icon, next } = THEMES[theme.value];
  return (
    <button
      type="button"
      class="quiet"
      title={`Theme: ${theme.value}. Change it to ${next}.`}
      onClick={() => {
        theme.value = next;
      }}
    >
      <Icon name={icon} />
      <span class="unseen">Theme: {theme.value}</span>
    </button>
  );
}
