import { useRef, useState } from 'preact/hooks';
import { Icon } from '../components/Icon.tsx';
import { ThemeSwitch } from '../components/ThemeSwitch.tsx';
import { refusal, signIn } from '../session.ts';

export function SignIn() {
  const [isAsking, setAsking] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setAsking(true);
    refusal.value = await signIn(input.current?.value.trim() ?? '');
    setAsking(false);
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M8 21h4v4H8zM14 14h4v11h-4zM20 7h4v18h-4z" />
        </svg>
        <h1>Pincex</h1>
        <p class="lead">What this exchange does, live, and where to look up users, orders and batches.</p>
        <label class="field">
          <span class="label">API key</span>
          <input
            ref={input}
            type="password"
            required
            autocomplete="off"
            spellcheck={false}
            placeholder="pincex_…"
            aria-describedby="about-key"
          />
        </label>
        <div role="alert">
          {refusal.value !== null && (
            <p class="note bad">
              <Icon name="error" />
              <span>{refusal.value}</span>
            </p>
          )}
        </div>
        {!isSecureContext && (
          <p class="note warning">
            <Icon name="warning" />
            <span>
              This page came by http://, so the key goes through the network in clear. Use https:// where
              others can listen.
            </span>
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking}>
          {isAsking ? 'Signing in …' : 'Sign in'}
        </button>
        <p class="hint" id="about-key">
          A key with the scope <code>read</code> is enough, for one who acknowledges alerts <code>admin</code>
          . This tab keeps it until it is closed. Make one:{' '}
          <code>pincex keys create --name ann --scope read</code>
        </p>
        <div class="row">
          <a href="./docs/">API documentation</a>
          <ThemeSwitch />
        </div>
      </form>
    </main>
  );
}
