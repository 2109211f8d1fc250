import type { Command } from 'commander';
import { prepareSchema } from '../migrations/prepare.ts';
import { Alerts } from '../alerts/store.ts';
import { sessionOn, withOwnConnection } from '../monitor/connection.ts';
import { liveProcesses } from '../monitor/processes.ts';
import { showLive } from '../top/live.ts';
import { pictureOf, type Picture } from '../top/picture.ts';
import { render } from '../top/render.ts';
import { JSON_OPTION, type JsonOption } from './options.ts';
import { print, printJson, withServer } from './session.ts';

export function addTop(program: Command): void {
  program
    .command('top')
    .description('show alerts and the operations of all processes on the database, live; q to leave')
    .option('--once', 'print one picture and end, as without a terminal')
    .option(...JSON_OPTION)
    .action(({ once = false, json = false }: JsonOption & { readonly once?: boolean }) =>
      withServer(async ({ url, isEmbedded, config }) => {
        await prepareSchema(url, isEmbedded, config.database.pool);
        const { stdin, stdout } = process;
        if (json) printJson(await readPicture(url));
        else if (once || !stdin.isTTY || !stdout.isTTY) render(await readPicture(url)).forEach(print);
        else await showLive(() => readPicture(url), stdin, stdout);
      }),
    );
}

const readPicture = (url: string): Promise<Picture> =>
  withOwnConnection(url, async (client) => {
    const live = await liveProcesses(client);
    return pictureOf(live, await new Alerts(sessionOn(client)).list(), new Date());
  });
