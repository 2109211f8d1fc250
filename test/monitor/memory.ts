import { PerformanceMonitor } from '../../src/monitor/performanceMonitor.ts';
import { EncodedDurations } from '../../src/monitor/encodedDurations.ts';
import { storeTallies } from '../../src/monitor/tallies.ts';

/**
 * Records operations of 10,000 names within three hours of a clock of its own, and prints the bytes in use after two hours
 * and at the end. Run it with `--expose-gc`. Argument: the number of operations.
 */
const [operations = ''] = process.argv.slice(2);
const COUNT = Number(operations);
const NAMES = 10_000;
const CODES = 1_000;
const passedMs = (3 * 3_600_000) / COUNT;
const looked = Math.round((COUNT * 2) / 3);

let now = performance.now();
performance.now = () => now;
const monitor = new PerformanceMonitor();
const encoded = new EncodedDurations();

/** From 0.01 ms to 100 s, in an order that repeats after some thousands. */
const durationOf = (n: number): number => 10 ** (((n * 7_919) % 7_000) / 1_000 - 2);

function record(from: number, to: number): void {
  for (let n = from; n < to; n++) {
    const errorCode = n % 10 === 0 ? `code_${(n / 10) % CODES}` : null;
    monitor.record(`name_${n % NAMES}`, { durationMs: durationOf(n), items: n % 1_000, errorCode });
    now += passedMs;
    if (n % (COUNT / 20) === 0) storeTallies(monitor.allTallies(), encoded);
  }
}

function bytesInUse(): number {
  // The first collection counts buffers that it frees as still in use; the next one waits until they are gone.
  for (let n = 0; n < 3; n++) globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

record(0, looked);
const after = bytesInUse();
record(looked, COUNT);
const { operations: counted, byOperation } = monitor.getMetrics();
process.stdout.write(
  JSON.stringify({ counted, names: Object.keys(byOperation).length, after, end: bytesInUse() }),
);
