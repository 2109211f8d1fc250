import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Diagnostics, listen, nameWork, type StatementRun } from '../src/diagnostics.ts';

describe('Diagnostics', () => {
  it('Diagnostics makes no message if there is no listener', async () => {
    const diagnostics = new Diagnostics();
    const made = (): never => {
      throw new Error('A message was made');
    };
    expect(await diagnostics.trace('wait', made, () => Promise.resolve('done'))).toBe('done');
    diagnostics.tell('refusal', made);
  });

  it('Diagnostics reports no work that failed, and passes its error to the caller', async () => {
    const diagnostics = new Diagnostics();
    const runs: StatementRun[] = [];
    const waits: number[] = [];
    const listeners = {
      statement: (run: StatementRun) => runs.push(run),
      wait: (durationMs: number) => waits.push(durationMs),
    };
    onTestFinished(listen(diagnostics.instance, listeners));
    const waiting = diagnostics.trace(
      'wait',
      () => ({ server: 'primary' as const }),
      () => Promise.reject(new Error('no')),
    );
    await expect(waiting).rejects.toThrow('no');
    expect(waits).toEqual([]);
    const begun = () => ({ name: 'a', server: 'primary' as const, text: 'SELECT', values: [] });
    await diagnostics.trace('statement', begun, () => Promise.resolve({ rows: [{}, {}] }));
    expect(runs).toMatchObject([{ name: 'a', server: 'primary', rows: 2 }]);
  });

  it('nameWork names the work of one Pincex until it is stopped, and not the work of others', async () => {
    const [named, other] = [new Diagnostics(), new Diagnostics()];
    const names = new AsyncLocalStorage<string | undefined>();
    const stop = nameWork(named.instance, names, (batchId = 'a read') => batchId);
    const nameIn = async (diagnostics: Diagnostics): Promise<string | undefined> => {
      let name: string | undefined;
      const read = () =>
        diagnostics.trace(
          'read',
          () => ({ operation: 'batch_get_accounts', kind: 'accounts' as const, items: 1 }),
          async () => {
            await Promise.resolve();
            name = names.getStore();
            return { hits: 0 };
          },
        );
      await read();
      return name;
    };
    expect(await nameIn(named)).toBe('a read');
    expect(await nameIn(other)).toBeUndefined();
    expect(await names.run('of a caller', () => nameIn(other))).toBe('of a caller');
    stop();
    expect(await nameIn(named)).toBeUndefined();
  });
});
