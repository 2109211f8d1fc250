import { configOf } from '../support/books.ts';
import { openParts } from '../../src/opening/parts.ts';
import { operationsOf } from './distributions.ts';

/** A process that measures known operations, reports them, and waits for its end. Arguments: the URL, its number. */
const [url = '', number = ''] = process.argv.slice(2);
const parts = await openParts({ config: configOf(url) });
const { statistics, reporter } = parts;
for (const operation of operationsOf(Number(number))) statistics.monitor.record('known', operation);
statistics.monitor.record(`of_process_${number}`, { durationMs: 1, items: 1, errorCode: null });
statistics.poolRefused();
await reporter.report();
process.once('SIGTERM', () => void parts.close());
process.stdout.write('reported\n');
