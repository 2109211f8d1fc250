import { messageOf } from '../describe.ts';
import type { Stop } from '../diagnostics.ts';
import { raiseWarning } from '../warnings.ts';
import { loadApi } from './api.ts';
import { askingVariable, isDisabled } from './environment.ts';
import { recordMetrics } from './instruments.ts';
import { isHostRegistered, useSdk } from './sdk.ts';
import { Spans } from './spans.ts';

/** Stops the telemetry of one Pincex, and waits until everything is sent. */
export type EndTelemetry = () => Promise<void>;

/**
 * Sends spans and metrics of one Pincex to OpenTelemetry: to the SDK that the host application has registered, or, if variables of
 * the environment ask for it, to one that is started here. Otherwise no package is loaded.
 *
 * Telemetry never keeps the books closed: if it cannot start, the process gets a warning.
 */
export async function startTelemetry(instance: string): Promise<EndTelemetry | undefined> {
  if (isDisabled(process.env)) return undefined;
  const isOfHost = isHostRegistered();
  const variable = askingVariable(process.env);
  if (!isOfHost && variable === undefined) return undefined;
  try {
    const api = await loadApi();
    const releaseSdk = isOfHost ? undefined : await useSdk();
    const stops: Stop[] = [];
    const end = async (): Promise<void> => {
      for (const stop of stops) stop();
      await releaseSdk?.().catch((error: unknown) => {
        raiseWarning('PINCEX_TELEMETRY_LOST', `OpenTelemetry did not end well: ${messageOf(error)}`);
      });
    };
    try {
      stops.push(new Spans(api).listenTo(instance));
      stops.push(recordMetrics(api, instance));
    } catch (error) {
      await end();
      throw error;
    }
    return end;
  } catch (error) {
    const reason = isOfHost ? 'An OpenTelemetry SDK is registered in this process' : `${variable} is set`;
    const remedy = isOfHost
      ? 'npm install @opentelemetry/api'
      : 'npm install @opentelemetry/api @opentelemetry/sdk-node, or set OTEL_SDK_DISABLED=true';
    const message = `${reason}, but OpenTelemetry could not be started, so nothing is traced: ${messageOf(error)}. If the package is missing: ${remedy}`;
    raiseWarning('PINCEX_TELEMETRY_OFF', message);
    return undefined;
  }
}
