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
let isStopping = false;
process.once('SIGTERM', () => (isStopping = true));
say('judging');
while (!isStopping) {
  await alerting.tick();
  await sleep(1);
}
await alerting.stop();
await pincex.close();
