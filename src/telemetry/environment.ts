/** Each of these variables asks for OpenTelemetry, unless it is empty or `none`. */
const ASKING = [
  'OTEL_TRACES_EXPORTER',
  'OTEL_METRICS_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
];

type Environment = Readonly<Record<string, string | undefined>>;

export const isDisabled = ({ OTEL_SDK_DISABLED = '' }: Environment): boolean =>
  OTEL_SDK_DISABLED.trim().toLowerCase() === 'true';

/** The first variable that asks for OpenTelemetry; `undefined` if none does. */
export const askingVariable = (environment: Environment): string | undefined =>
  ASKING.find((name) => !['', 'none'].includes(environment[name]?.trim() ?? ''));
