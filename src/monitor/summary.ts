import type { OperationMetrics, PerformanceMetrics } from './figures.ts';
import { textTable } from './textTable.ts';

const HEADS = [
  'operation',
  'count',
  'success',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'items/s',
  'rejected',
  'errors',
];

/** The figures since the start as a table of text, the operation with the most calls first. */
export function summaryOf({ byOperation, ...all }: PerformanceMetrics): string {
  const operations = Object.entries(byOperation).toSorted(([, a], [, b]) => b.operations - a.operations);
  const rows = [HEADS, ...operations.map(([name, one]) => rowOf(name, one)), rowOf('all', all)];
  return textTable(rows, [0, HEADS.length - 1]).join('\n');
}

function rowOf(name: string, metrics: OperationMetrics): string[] {
  const { operations, successRate, p50Ms, p95Ms, p99Ms, itemsPerSecond, rejected, errors } = metrics;
  return [
    name,
    String(operations),
    `${(successRate * 100).toFixed(1)}%`,
    ...[p50Ms, p95Ms, p99Ms].map((ms) => (ms === null ? '–' : String(ms))),
    String(itemsPerSecond),
    String(rejected.total),
    errors.map(({ code, count }) => `${code} ${count}`).join(', '),
  ];
}
