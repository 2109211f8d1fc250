import type { Command } from 'commander';
import type { Swept } from '../services/sweeper.ts';
import { JSON_OPTION, type JsonOption } from './options.ts';
import { print, printJson, withPincex } from './session.ts';

export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('expire orders and return holds whose time is over')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async (pincex) => {
        const swept = await pincex.sweepExpired();
        if (json) printJson(swept);
        else printSwept(swept);
        if (swept.broken.length > 0) process.exitCode = 1;
      }),
    );
}

function printSwept({ expiredOrders, expiredHolds, broken }: Swept): void {
  print(`${expiredOrders} orders expired, ${expiredHolds} holds returned`);
  for (const { userId, orderId, problem } of broken)
    print(`not of order ${orderId} of ${userId}: ${problem}`);
}
