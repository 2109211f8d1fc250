/** Resolves like `work`, or rejects with `late()` if the deadline comes first. `work` then goes on. */
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
