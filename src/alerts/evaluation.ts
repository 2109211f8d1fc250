import { v7 as uuidv7 } from 'uuid';
import type { AlertsConfig } from '../config/load.ts';
import { advanced, begun, waitingAnew, type Judgement, type Tracked } from './lifecycle.ts';
import type { Observation } from './observation.ts';
import { rules, type Rule } from './rules.ts';

/** The difference that an evaluation makes. */
export interface Changes {
  /** Alerts that began, or were judged again. */
  readonly written: readonly Tracked[];
  /** Pending alerts whose condition no longer holds. */
  readonly forgotten: readonly Tracked[];
  /** Those of `written` that have just begun to fire, or have just been resolved. */
  readonly told: readonly Tracked[];
}

/** An alert that nobody judged for longer waits anew. A lease that ran out is taken over within this time. */
const GAP_MS = 45_000;
/** An alert of an unknown rule is over if nobody judged it for longer: no process that runs has the rule. */
const UNKNOWN_MS = 24 * 60 * 60_000;

const BELOW: Judgement = { level: 'below', message: '' };
const UNKNOWN: Judgement = { level: 'below', message: 'No process has known this rule for a day' };

/** Judges every rule, and advances the open alerts. */
export function evaluate(
  open: readonly Tracked[],
  observation: Observation,
  config: AlertsConfig,
  now: number,
): Changes {
  const pairs = rules.flatMap((rule) => {
    const own = open
      .filter((alert) => alert.rule === rule.name)
      .map((alert) => (now - alert.judgedAt > GAP_MS ? waitingAnew(alert, now) : alert));
    return pairsOf(rule, own, rule.judge(observation, config), rule.isImmediate ? 0 : config.forMs, now);
  });
  const known = new Set(rules.map(({ name }) => name));
  // A process of another version may have the rule, and hold the lease again soon.
  const abandoned = open
    .filter(({ rule, judgedAt }) => !known.has(rule) && now - judgedAt > UNKNOWN_MS)
    .map((alert) => ({ before: alert, after: advanced(alert, UNKNOWN, now, 0) }));
  const all: readonly Pair[] = [...pairs, ...abandoned];
  return {
    written: all.flatMap(({ after }) => after ?? []),
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
  { name, severity }: Rule,
  open: readonly Tracked[],
  judgements: ReadonlyMap<string, Judgement> | null,
  forMs: number,
  now: number,
): Pair[] {
  if (judgements === null) return open.map((before) => ({ before, after: { ...before, judgedAt: now } }));
  const known = new Set(open.map(({ subject }) => subject));
  return [
    ...open.map((before) => ({
      before,
      after: advanced(before, judgements.get(before.subject) ?? BELOW, now, forMs),
    })),
    ...[...judgements]
      .filter(([subject, { level }]) => level === 'above' && !known.has(subject))
      .map(([subject, judgement]) => ({
        after: begun({ id: uuidv7(), rule: name, subject, severity }, judgement, now, forMs),
      })),
  ];
}
