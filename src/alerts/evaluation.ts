import { v7 as uuidv7 } from 'uuid';
import type { AlertsConfig } from '../config/load.ts';
import { advanced, begun, type Reading, type Tracked } from './lifecycle.ts';
import type { Observation } from './observation.ts';
import { rules, type Rule } from './rules.ts';

/** The difference that an evaluation makes. */
export interface Changes {
  /** Alerts that began or changed. */
  readonly written: readonly Tracked[];
  /** Pending alerts whose condition no longer holds. */
  readonly forgotten: readonly Tracked[];
  /** Those of `written` that have just begun to fire, or have just been resolved. */
  readonly told: readonly Tracked[];
}

const BELOW: Reading = { level: 'below', message: '' };

/** Judges every rule, and advances the open alerts. */
export function evaluate(
  open: readonly Tracked[],
  observation: Observation,
  config: AlertsConfig,
  now: number,
): Changes {
  const pairs = rules.flatMap((rule) => {
    const own = open.filter((alert) => alert.rule === rule.name);
    return pairsOf(rule, own, rule.judge(observation, config), rule.isImmediate ? 0 : config.forMs, now);
  });
  const known = new Set(rules.map(({ name }) => name));
  // An alert of a rule that this version does not have is over.
  const orphans = open
    .filter(({ rule }) => !known.has(rule))
    .map((alert) => ({ before: alert, after: advanced(alert, BELOW, now, 0) }));
  const all = [...pairs, ...orphans];
  const written = all.flatMap(({ before, after }) => (after && !isSame(before, after) ? [after] : []));
  return {
    written,
    forgotten: all.flatMap(({ before, after }) => (before && !after ? [before] : [])),
    told: all.flatMap(({ before, after }) =>
      after && after.state !== 'pending' && before?.state !== after.state ? [after] : [],
    ),
  };
}

interface Pair {
  readonly before?: Tracked;
  readonly after?: Tracked | undefined;
}

function pairsOf(
  rule: Rule,
  open: readonly Tracked[],
  readings: ReadonlyMap<string, Reading> | null,
  forMs: number,
  now: number,
): Pair[] {
  if (readings === null) return [];
  const known = new Set(open.map(({ subject }) => subject));
  const { name, severity } = rule;
  return [
    ...open.map((before) => ({
      before,
      after: advanced(before, readings.get(before.subject) ?? BELOW, now, forMs),
    })),
    ...[...readings]
      .filter(([subject, { level }]) => level === 'above' && !known.has(subject))
      .map(([subject, reading]) => ({
        after: begun({ id: uuidv7(), rule: name, subject, severity }, reading, now, forMs),
      })),
  ];
}

const isSame = (before: Tracked | undefined, { state, calmAt, message }: Tracked): boolean =>
  before?.state === state && before.calmAt === calmAt && before.message === message;
