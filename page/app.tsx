import { useEffect, useRef } from 'preact/hooks';
import { Header } from './components/Header.tsx';
import { address } from './navigation.ts';
import { match } from './router.ts';
import { client } from './session.ts';
import { Missing } from './views/Missing.tsx';
import { SignIn } from './views/SignIn.tsx';
import { views } from './views/views.ts';

export function App() {
  if (client.value === null) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <Header />
      <CurrentView />
      <footer class="footer">
        <span>All times are UTC.</span>
        <a href="./docs/">API documentation</a>
      </footer>
    </>
  );
}

function CurrentView() {
  const { parts } = address.value;
  const path = parts.join('/');
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A screen reader is told of another view by its heading; the first one it reads anyway.
  useEffect(() => {
    if (!isFirst.current) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [path]);
  const found = views
    .map(({ pattern, title, View }) => ({ params: match(pattern, parts), title, View }))
    .find(({ params }) => params !== null);
  const title = found?.title(found.params ?? {}) ?? 'Not found';
  useEffect(() => {
    document.title = `${title} · Pincex`;
  }, [title]);
  return (
    <main id="main" ref={main} tabIndex={-1} aria-label={title}>
      {found === undefined ? <Missing /> : <found.View key={path} params={found.params ?? {}} />}
    </main>
  );
}

/** The fragment is an address of the page, so the link itself would lead away. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
