/** Resolves with the first signal to stop. A second one ends the process at once, as by default. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const names = ['SIGINT', 'SIGTERM'] as const;
    const first = (name: NodeJS.Signals): void => {
      for (const each of names) process.off(each, first);
      resolve(name);
    };
    for (const name of names) process.on(name, first);
  });
}
