import type { ComponentChildren } from 'preact';
import { PincexClientError } from '../../src/client/index.ts';
import { Icon } from './Icon.tsx';
import { Plain } from './Plain.tsx';

/** Stands in the place of rows that are not there: why, and when there will be some. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="empty" role="status">
      Loading {what} …
    </p>
  );
}

/** A call that failed: what the service says, its code, and a way to try again if that may help. */
export function ErrorNote({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const code = error instanceof PincexClientError ? error.code : error.name;
  return (
    <div class="note bad" role="alert">
      <Icon name="error" />
      <p>
        <Plain text={error.message} /> <code class="code">{code}</code>
      </p>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
