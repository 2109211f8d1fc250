import type { Command } from 'commander';
import { print, withPincex } from './session.ts';

export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('expire orders and return holds whose time is over')
    .action(() =>
      withPincex(async (pincex) => {
        const { expiredOrders, expiredHolds } = await pincex.sweepExpired();
        print(`${expiredOrders} orders expired, ${expiredHolds} holds returned`);
      }),
    );
}
