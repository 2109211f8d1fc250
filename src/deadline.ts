/** Longest delay of a timer of Node.js, in seconds. */
export const MOST_TIMER_SECONDS = 2_147_483;

/**
 * Returns the result of `work`, or throws `late()` if the deadline passes first; `work` goes on all the same.
 *
 * @param deadline by `performance.now()`
 */
export async function withDeadline<Result>(
  deadline: number,
  work: Promise<Result>,
  late: () => Error,
): Promise<Result> {
  if (deadline === Infinity) return work;
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(late());
      },
      Math.max(0, deadline - performance.now()),
    );
  });
  try {
    return await Promise.race([work, passed]);
  } finally {
    clearTimeout(timer);
  }
}
