import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processWith, Series } from './observations.ts';

/** The use of a pool of a hundred connections: its alert fires above 80 for a minute, and is resolved at 72 or less. */
const use = (inUse: number) => ({ processes: [processWith({ pool: { inUse, max: 100 } })] });

describe('an alert', () => {
  it('an alert is pending until its condition has held for a minute, then fires once', () => {
    const series = new Series();
    expect(series.judge(use(81))).toEqual([]);
    expect(series.states).toEqual(['pending pool_use host:1']);
    expect(series.judge(use(81), 59_999)).toEqual([]);
    expect(series.judge(use(81), 1)).toEqual(['firing pool_use host:1']);
    expect(series.judge(use(99), 3_600_000)).toEqual([]);
    expect(series.message).toBe('99 of 100 connections are in use, 99%, above 80%');
  });

  it('a pending alert is forgotten as soon as its condition does not hold, and begins anew', () => {
    const series = new Series();
    series.judge(use(81));
    series.judge(use(80), 50_000);
    expect(series.states).toEqual([]);
    series.judge(use(81), 10_000);
    series.judge(use(81), 50_000);
    expect(series.events).toEqual([]);
    expect(series.judge(use(81), 10_000)).toEqual(['firing pool_use host:1']);
  });

  it('an alert that fires is resolved once its value has been below the hysteresis for a minute', () => {
    const series = new Series();
    series.judge(use(81));
    series.judge(use(81), 60_000);
    expect(series.judge(use(73), 3_600_000)).toEqual([]);
    series.judge(use(72), 10_000);
    expect(series.judge(use(72), 59_999)).toEqual([]);
    expect(series.judge(use(72), 1)).toEqual(['resolved pool_use host:1']);
    expect(series.states).toEqual([]);
  });

  it('the minute of calm begins anew if the value comes back into the band between', () => {
    const series = new Series();
    series.judge(use(81));
    series.judge(use(81), 60_000);
    series.judge(use(50), 10_000);
    series.judge(use(75), 50_000);
    series.judge(use(50), 10_000);
    expect(series.judge(use(50), 50_000)).toEqual([]);
    expect(series.judge(use(50), 10_000)).toEqual(['resolved pool_use host:1']);
  });

  it('an alert fires and is resolved at once if alerts.for is 0s', () => {
    const series = new Series({ forMs: 0 });
    expect(series.judge(use(81))).toEqual(['firing pool_use host:1']);
    expect(series.judge(use(72))).toEqual(['resolved pool_use host:1']);
  });

  it('an alert that comes back has another id', () => {
    const series = new Series({ forMs: 0 });
    series.judge(use(81));
    const [first] = series.open;
    series.judge(use(0));
    series.judge(use(81));
    expect(series.open[0]!.id).not.toBe(first!.id);
  });

  it('a pending alert waits anew after a time in which nobody judged', () => {
    const series = new Series();
    series.judge(use(81));
    series.interrupt(3_600_000);
    series.judge(use(81));
    expect(series.judge(use(81), 59_999)).toEqual([]);
    expect(series.judge(use(81), 1)).toEqual(['firing pool_use host:1']);
  });

  it('the minute of calm begins anew after a time in which nobody judged', () => {
    const series = new Series();
    series.judge(use(81));
    series.judge(use(81), 60_000);
    series.judge(use(50));
    series.interrupt(3_600_000);
    series.judge(use(50));
    expect(series.judge(use(50), 59_999)).toEqual([]);
    expect(series.judge(use(50), 1)).toEqual(['resolved pool_use host:1']);
  });

  it('an alert goes on waiting if a lease that ran out was taken over', () => {
    const series = new Series();
    series.judge(use(81));
    series.interrupt(30_000);
    series.judge(use(81), 10_000);
    expect(series.judge(use(81), 20_000)).toEqual(['firing pool_use host:1']);
  });

  it('an alert that nobody could look at waits anew too', () => {
    const series = new Series();
    const hurts = [{ check: 'durability', subject: 'fsync', message: 'is off', remedy: 'Switch it on' }];
    series.judge({ hurts });
    series.interrupt(3_600_000);
    series.judge({ hurts: null });
    expect(series.judge({ hurts }, 59_999)).toEqual([]);
    expect(series.judge({ hurts }, 1)).toEqual(['firing doctor durability']);
  });

  it('an alert of a rule that this version does not have stays as it is for a day, and is then resolved', () => {
    const series = new Series();
    series.judge(use(81));
    series.judge(use(81), 60_000);
    series.open = series.open.map((alert) => ({ ...alert, rule: 'later_rule' }));
    const [before] = series.open;
    for (const passedMs of [10_000, 3_600_000, 82_790_000]) {
      series.interrupt(passedMs);
      expect(series.judge({}, 0)).toEqual([]);
    }
    expect(series.open).toEqual([before]);
    series.interrupt(1);
    const { told } = series.evaluate({});
    expect(told).toMatchObject([
      { rule: 'later_rule', state: 'resolved', message: 'No process has known this rule for a day' },
    ]);
  });
});

describe('whatever the values and the pauses are', () => {
  const pauses = fc.integer({ min: 1, max: 90_000 });
  const steps = (values: fc.Arbitrary<number>) => fc.array(fc.tuple(values, pauses), { maxLength: 60 });
  const play = (series: Series, list: readonly (readonly [number, number])[]): void => {
    for (const [used, passedMs] of list) series.judge(use(used), passedMs);
  };

  it('an alert fires at most once while its value never leaves the hysteresis downwards', () => {
    fc.assert(
      fc.property(steps(fc.integer({ min: 73, max: 100 })), (list) => {
        const series = new Series();
        play(series, list);
        expect(series.events.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('no alert fires while its value never passes the threshold', () => {
    fc.assert(
      fc.property(steps(fc.integer({ min: 0, max: 80 })), (list) => {
        const series = new Series();
        play(series, list);
        expect(series.events).toEqual([]);
      }),
    );
  });

  it('firing and resolved take turns, and each comes a minute or more after the other', () => {
    fc.assert(
      fc.property(steps(fc.integer({ min: 0, max: 100 })), (list) => {
        const series = new Series();
        let last = -Infinity;
        for (const [used, passedMs] of list) {
          const [event] = series.judge(use(used), passedMs);
          if (event === undefined) continue;
          expect(series.now - last).toBeGreaterThanOrEqual(60_000);
          last = series.now;
        }
        series.events.forEach((event, i) => {
          expect(event).toBe(i % 2 === 0 ? 'firing pool_use host:1' : 'resolved pool_use host:1');
        });
      }),
    );
  });

  it('an alert is told as a naive reading of the whole series says', () => {
    fc.assert(
      fc.property(steps(fc.constantFrom(50, 75, 90)), (list) => {
        const series = new Series();
        const start = series.now;
        play(series, list);
        expect(series.events).toEqual(naively(list, start));
      }),
    );
  });
});

/** Looks back from each moment: has the value been above, or below, in every observation of the last minute? */
function naively(list: readonly (readonly [number, number])[], start: number): string[] {
  const events: string[] = [];
  const seen: { at: number; used: number }[] = [];
  let now = start;
  let changedAt = -Infinity;
  for (const [used, passedMs] of list) {
    now += passedMs;
    seen.push({ at: now, used });
    const isFiring = events.length % 2 === 1;
    const isWanted = (value: number) => (isFiring ? value <= 72 : value > 80);
    const since = seen.findLastIndex((one) => !isWanted(one.used) || one.at <= changedAt) + 1;
    const began = seen[since]?.at;
    if (began === undefined || now - began < 60_000) continue;
    events.push(isFiring ? 'resolved pool_use host:1' : 'firing pool_use host:1');
    changedAt = now;
  }
  return events;
}
