import { setTimeout as sleep } from 'node:timers/promises';
import { Alerting } from '../../src/background/alerting.ts';
import { loadConfig, Pincex } from '../../src/index.ts';

/** Judges again and again, configured by the environment, until it is told to stop. Prints the events that it tells. */
const say = (text: string) => process.stdout.write(`${text}\n`);
const pincex = await Pincex.open({
  config: loadConfig(),
  onAlert: ({ state, rule }) => say(`${state} ${rule}`),
});
const silent = () => undefined;
const alerting = new Alerting(pincex, {
  info: silent,
  warn: silent,
  error: (fields: object | string) => {
    if (typeof fields === 'object' && 'err' in fields) say(String(fields.err));
  },
});
const stopping = new AbortController();
process.once('SIGTERM', () => {
  stopping.abort();
});
say('judging');
while (!stopping.signal.aborted) {
  await alerting.tick();
  await sleep(1);
}
await alerting.stop();
await pincex.close();
