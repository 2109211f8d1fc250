/** Bounds in seconds of the buckets of durations, for Prometheus and for OpenTelemetry. 0.5 and 1 are thresholds of alerts. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
