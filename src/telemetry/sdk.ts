import { withDeadline } from '../deadline.ts';
import { loadApi, PARTS, registered, type Registered } from './api.ts';

/** How long the last spans and metrics may take, and thus delay `close`, in milliseconds. */
const STOP_MS = 5_000;

interface Sdk {
  shutdown(): Promise<void>;
}

/** The SDK that this process has started. All its Pincex share it, since it is registered for the whole process. */
let running: { readonly sdk: Promise<Sdk>; users: number } | undefined;
/** The end of the SDK that ran before. */
let stopped = Promise.resolve();
/** What the SDK that was started here has registered. The host application may have replaced parts of it since. */
let own: Registered = {};

/** Whether an SDK is registered that the host application has started, rather than one that was started here. */
export function isHostRegistered(): boolean {
  const leading = leadingOf(registered());
  return leading !== undefined && leading !== leadingOf(own);
}

/** The part by which an SDK is told from another. */
const leadingOf = ({ trace, metrics }: Registered): unknown => trace ?? metrics;

/**
 * Starts the SDK by the variables of the environment, or shares the one that runs.
 *
 * @returns ends the use of the SDK; the last user stops it, and waits until it has sent everything
 */
export async function useSdk(): Promise<() => Promise<void>> {
  const used = (running ??= { sdk: stopped.then(startSdk), users: 0 });
  used.users++;
  const sdk = await used.sdk.catch((error: unknown) => {
    running = undefined;
    throw error;
  });
  return async () => {
    if (--used.users > 0) return;
    running = undefined;
    const stopping = stopSdk(sdk);
    stopped = stopping.catch(() => undefined);
    await stopping;
  };
}

async function startSdk(): Promise<Sdk> {
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  const hasOwnDetectors = (process.env['OTEL_NODE_RESOURCE_DETECTORS'] ?? '') !== '';
  // By default the SDK would also send the command line, which may contain passwords.
  const resourceDetectors = [resources.envDetector, resources.hostDetector];
  const sdk = new NodeSDK(hasOwnDetectors ? {} : { resourceDetectors });
  const before = registered();
  sdk.start();
  const after = registered();
  own = Object.fromEntries(
    PARTS.filter((part) => before[part] === undefined).map((part) => [part, after[part]]),
  );
  return sdk;
}

/** Stops the SDK and removes its parts from the API: a Pincex that is opened later starts another one. */
async function stopSdk(sdk: Sdk): Promise<void> {
  const api = await loadApi();
  try {
    const late = (): Error => new Error(`not everything could be sent in ${STOP_MS} ms`);
    await withDeadline(performance.now() + STOP_MS, sdk.shutdown(), late);
  } finally {
    const now = registered();
    for (const part of PARTS) if (own[part] !== undefined && own[part] === now[part]) api[part].disable();
    own = {};
  }
}
