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
