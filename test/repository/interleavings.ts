/** One step, which happens at once with nothing in between. */
export type Step = () => void | Promise<void>;

/** An actor takes its steps in this order, while other actors take theirs. */
export type Actor = readonly Step[];

/**
 * Every order in which the steps of all actors can happen, with each actor's own steps in their order: a list of actor
 * numbers, one for each step.
 */
export function* interleavings(lengths: readonly number[]): Generator<number[]> {
  if (lengths.every((length) => length === 0)) {
    yield [];
    return;
  }
  for (const [actor, length] of lengths.entries()) {
    if (length === 0) continue;
    const left = lengths.with(actor, length - 1);
    for (const rest of interleavings(left)) yield [actor, ...rest];
  }
}

/** Lets the actors take their steps in this order. */
export async function play(order: readonly number[], actors: readonly Actor[]): Promise<void> {
  const taken = actors.map(() => 0);
  for (const actor of order) {
    const step = actors[actor]?.[taken[actor] ?? 0];
    taken[actor] = (taken[actor] ?? 0) + 1;
    await step?.();
  }
}

/**
 * Leaves out orders that differ from a kept one only in steps that do not affect each other: a step at the database
 * that comes right after another actor's at the cache might as well have come right before it, and that order is kept.
 *
 * @param places where each step of each actor happens
 */
export function* distinctInterleavings(places: readonly (readonly Place[])[]): Generator<number[]> {
  for (const order of interleavings(places.map(({ length }) => length))) {
    const taken = places.map(() => 0);
    const happens = order.map((actor) => {
      const step = taken[actor] ?? 0;
      taken[actor] = step + 1;
      return places[actor]?.[step];
    });
    const comesEarlier = (n: number): boolean =>
      happens[n] === 'database' && happens[n - 1] === 'cache' && order[n] !== order[n - 1];
    if (!order.some((_, n) => n > 0 && comesEarlier(n))) yield order;
  }
}

export type Place = 'cache' | 'database';
