import type { Command } from 'commander';
import { JSON_OPTION, type JsonOption, someText, wholeNumber } from './options.ts';

interface StartOptions extends JsonOption {
  readonly port?: number;
  readonly host?: string;
}

export function addStart(program: Command): void {
  program
    .command('start')
    .description('serve the books over HTTP until it is told to stop (SIGINT, SIGTERM)')
    .option('--port <n>', 'over service.port; 0: any that is free', wholeNumber('--port', 0, 65_535))
    .option('--host <host>', 'over service.host; 0.0.0.0 for all networks', someText('--host'))
    .option(...JSON_OPTION)
    .action(async ({ json = false, ...settings }: StartOptions) => {
      // Loading the service takes as long as loading all other modules, so only this command does.
      const { serveBooks } = await import('./serve.ts');
      await serveBooks(settings, json);
    });
}
