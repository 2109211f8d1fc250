import type { Command } from 'commander';
import { print, withPincex } from './session.ts';

export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('expire orders and return holds whose time is over')
    .action(() =>
      withPincex(async (pincex) => {
        const { expiredOrders, expiredHolds, broken } = await pincex.sweepExpired();
        print(`${expiredOrders} orders expired, ${expiredHolds} holds returned`);
        for (const { userId, orderId, problem } of broken)
          print(`not of order ${orderId} of ${userId}: ${problem}`);
        if (broken.length > 0) process.exitCode = 1;
      }),
    );
}
