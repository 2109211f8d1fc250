import { liveQuery } from '../live/live.ts';
import { address } from '../navigation.ts';
import { hrefOf } from '../router.ts';
import { signOut } from '../session.ts';
import { LookUp } from '../views/lookup/LookUp.tsx';
import { Connection } from './Connection.tsx';
import { Icon } from './Icon.tsx';
import { ThemeSwitch } from './ThemeSwitch.tsx';

const LINKS = [
  { to: [], title: 'Live' },
  { to: ['book'], title: 'Books' },
  { to: ['totals'], title: 'Totals' },
  { to: ['database'], title: 'Database' },
] as const;

export function Header() {
  const [current] = address.value.parts;
  return (
    <header class="header">
      <a class="brand" href="#/">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M8 21h4v4H8zM14 14h4v11h-4zM20 7h4v18h-4z" />
        </svg>
        Pincex
      </a>
      <nav aria-label="Views">
        {LINKS.map(({ to, title }) => (
          <a
            href={hrefOf(to, to.length === 0 ? liveQuery.value : {})}
            aria-current={to[0] === current ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <LookUp />
      <div class="tools">
        <Connection />
        <ThemeSwitch />
        <button
          type="button"
          class="quiet"
          onClick={() => {
            signOut();
          }}
        >
          <Icon name="leave" />
          <span class="wide-only">Sign out</span>
          <span class="unseen narrow-only">Sign out</span>
        </button>
      </div>
    </header>
  );
}
