import { useEffect, useState } from 'preact/hooks';
import { PincexClientError, type PincexClient } from '../../src/client/index.ts';
import { client, endIfUnauthorized } from '../session.ts';

export interface Loaded<Data> {
  /** The last data; null until there are some. */
  readonly data: Data | null;
  /** Why the last attempt failed; null if it did not. */
  readonly error: PincexClientError | null;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/**
 * Calls the service again whenever `keys` change, and forgets calls that are no longer wanted. The data of the last call stay
 * until those of the next one are there; a view of another path begins without any, since it is another element.
 */
export function useLoad<Data>(
  load: (client: PincexClient, signal: AbortSignal) => Promise<Data>,
  keys: readonly unknown[],
): Loaded<Data> {
  const [state, setState] = useState<Omit<Loaded<Data>, 'reload'>>(LOADING);
  const [attempt, setAttempt] = useState(0);
  const caller = client.value;
  useEffect(() => {
    if (caller === null) return;
    const controller = new AbortController();
    setState(({ data }) => ({ data, error: null, isLoading: true }));
    load(caller, controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, error: null, isLoading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        endIfUnauthorized(error);
        if (!(error instanceof PincexClientError)) throw error;
        setState(({ data }) => ({ data, error, isLoading: false }));
      },
    );
    return () => {
      controller.abort();
    };
  }, [caller, attempt, ...keys]);
  return {
    ...state,
    reload: () => {
      setAttempt(attempt + 1);
    },
  };
}

const LOADING = { data: null, error: null, isLoading: true } as const;
