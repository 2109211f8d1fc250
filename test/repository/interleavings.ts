/** One thing that happens at once, with nothing in between. */
export type Step = () => void | Promise<void>;

/** Who does one step after the other, while others do theirs. */
export type Actor = readonly Step[];

/**
 * Every order in which the steps of the actors can happen, each actor's own in their order: numbers of actors, one
 * for each step.
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
 * Of orders that differ only in steps that know nothing of each other, at least one: a step at the database that
 * comes right after another actor's at the cache might as well have come right before it, and that order is kept.
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
