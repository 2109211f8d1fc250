import type { OperationMetrics } from '../monitor/figures.ts';
import { textTable } from '../monitor/textTable.ts';
import type { Picture, ProcessPicture } from './picture.ts';

/** The size of a terminal, in characters and lines. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const UNBOUNDED: Size = { columns: Infinity, rows: Infinity };

const OPERATION_HEADS = [
  'operation',
  'ops/s',
  'items/s',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'success',
  'failed',
  'applied',
  'replayed',
  'rejected',
];
const PROCESS_HEADS = [
  'process',
  'up',
  'reported',
  'ops/s',
  'p99 ms',
  'success',
  'in use',
  'waits',
  'refused',
];
const ALERT_HEADS = ['alert', 'state', 'for', 'acknowledged', 'message'];
/** Alerts that are shown; further ones are counted. */
const MOST_ALERTS = 5;
/** Lines of processes that are shown however many operations there are. */
const LEAST_PROCESSES = 3;

/**
 * Draws a picture as lines of text that fit into a terminal. Lines that are too long are cut; if there are too many operations or
 * processes, the last ones are counted instead.
 *
 * @param notice a line that stands above the figures
 */
export function render(picture: Picture, size = UNBOUNDED, notice?: string): string[] {
  const { at, alerts, metrics, processes, unreadable } = picture;
  const head = [`pincex top   ${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`];
  if (notice !== undefined) head.push(printable(notice));
  if (unreadable > 0)
    head.push(
      `Left out: ${unreadable} ${unreadable === 1 ? 'process whose report is' : 'processes whose reports are'} malformed or of another version of Pincex`,
    );
  head.push('');
  if (alerts.length > 0) head.push(...alertLines(alerts, at), '');
  if (processes.length + unreadable === 0)
    return fitted([...head, 'No process has reported within half a minute.'], size);

  const counters = countersOf(picture);
  const [processHead = '', ...processLines] = table([
    PROCESS_HEADS,
    ...processes.map((process) => processRow(process, at)),
  ]);
  const [operationHead = '', ...operationLines] = table(operationRows(metrics));
  const all = operationLines.pop() ?? '';
  // Beside the rows of the two tables: their heads, the line of all operations, and two empty lines.
  const room = size.rows - head.length - counters.length - 5;
  const shownProcesses = shortened(
    processLines,
    Math.max(LEAST_PROCESSES, Math.floor(room / 3), room - operationLines.length),
  );
  const shownOperations = shortened(operationLines, room - shownProcesses.length);
  const lines = [...head, operationHead, ...shownOperations, all, '', ...counters, ''];
  return fitted([...lines, processHead, ...shownProcesses], size);
}

function alertLines(alerts: Picture['alerts'], at: Date): string[] {
  const rows = alerts.map(({ rule, subject, state, firedAt, pendingAt, acknowledgedBy, message }) => [
    subject === '' ? rule : `${rule} ${subject}`,
    state,
    timeOf(at.getTime() - Date.parse(firedAt ?? pendingAt)),
    acknowledgedBy ?? '–',
    message,
  ]);
  const [head = '', ...lines] = table([ALERT_HEADS, ...rows], [0, 1, 3, 4]);
  return [head, ...shortened(lines, MOST_ALERTS)];
}

function operationRows({ byOperation, windows }: Picture['metrics']): string[][] {
  const operations = Object.entries(byOperation).toSorted(
    ([a, one], [b, other]) =>
      other.windows.minute.operations - one.windows.minute.operations || (a < b ? -1 : 1),
  );
  return [
    OPERATION_HEADS,
    ...operations.map(([name, one]) => operationRow(name, one.windows.minute)),
    operationRow('all, last minute', windows.minute),
  ];
}

function operationRow(name: string, metrics: OperationMetrics): string[] {
  const { operationsPerSecond, itemsPerSecond, p50Ms, p95Ms, p99Ms, failed } = metrics;
  return [
    name,
    ...[operationsPerSecond, itemsPerSecond, p50Ms, p95Ms, p99Ms].map(figure),
    successOf(metrics),
    ...[failed, metrics.applied, metrics.replayed, metrics.rejected.total].map(figure),
  ];
}

function processRow({ host, pid, startedAt, ageMs, minute, pool }: ProcessPicture, at: Date): string[] {
  return [
    `${host}:${pid}`,
    timeOf(at.getTime() - startedAt.getTime()),
    `${timeOf(ageMs)} ago`,
    figure(minute.operationsPerSecond),
    figure(minute.p99Ms),
    successOf(minute),
    `${pool.inUse}/${pool.max}`,
    figure(pool.waits),
    figure(pool.refused),
  ];
}

function countersOf({ metrics, pool, cache, refusals }: Picture): string[] {
  const { errors, rejected } = metrics.windows.minute;
  const { waits, waitMs, longestWaitMs } = pool;
  const waited =
    waits === 0 ? '' : ` (${figure(waitMs / waits)} ms on average, ${figure(longestWaitMs)} ms at the most)`;
  const rates = Object.entries(cache.reads).flatMap(([kind, { hits, misses, hitRate }]) =>
    hitRate === null ? [] : [`${kind} ${percent(hitRate)} of ${figure(hits + misses)}`],
  );
  const failures = cache.failures === 0 ? [] : [`failures ${figure(cache.failures)}`];
  return table(
    [
      ['failed operations, last minute', listed(errors.map(({ code, count }) => [code, count]))],
      ['rejected items, last minute', listed(Object.entries(rejected.byCode))],
      [
        'pool, waits since the start',
        `in use ${pool.inUse} of ${pool.max}, waits ${figure(waits)}${waited}, refused ${figure(pool.refused)}`,
      ],
      ['cache hits since the start', [...rates, ...failures].join(', ') || 'none'],
      ['refused calls since the start', listed(Object.entries(refusals).toSorted(([, a], [, b]) => b - a))],
    ],
    [0, 1],
  );
}

const listed = (counts: readonly (readonly [string, number])[]): string =>
  counts.map(([code, count]) => `${code} ${figure(count)}`).join(', ') || 'none';

const successOf = ({ operations, successRate }: OperationMetrics): string =>
  operations === 0 ? '–' : percent(successRate);

/** Rounded down, so that 100% means all. */
const percent = (share: number): string => `${(Math.floor(share * 1_000) / 10).toFixed(1)}%`;

const figure = (value: number | null): string =>
  value === null ? '–' : value.toLocaleString('en-US', { maximumSignificantDigits: value < 1_000 ? 3 : 21 });

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A time in its largest unit. */
function timeOf(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, one]) => ms >= one) ?? ['s', 1_000];
  return `${Math.max(0, Math.floor(ms / unitMs))} ${unit}`;
}

function shortened(lines: readonly string[], room: number): string[] {
  if (lines.length <= room) return [...lines];
  const shown = Math.max(0, room - 1);
  return [...lines.slice(0, shown), `… ${lines.length - shown} more`];
}

function fitted(lines: readonly string[], { columns, rows }: Size): string[] {
  return lines.slice(0, rows).map((line) => {
    const characters = Array.from(line);
    return characters.length <= columns
      ? characters.join('')
      : `${characters.slice(0, columns - 1).join('')}…`;
  });
}

const table = (rows: readonly (readonly string[])[], left?: readonly number[]): string[] =>
  textTable(
    rows.map((cells) => cells.map(printable)),
    left,
  );

/** Escapes characters that would control the terminal: names of operations and hosts may come from anywhere. */
const printable = (text: string): string =>
  text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
