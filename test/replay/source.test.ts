import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { COLUMNS, type OrderEvent } from '../../src/replay/recording/events.ts';
import { openSource } from '../../src/replay/recording/source.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeDay } from './support.ts';

const HEADER = COLUMNS.join();
const LINE = '65595247,1430438404518,1430438404000,236.47,200000000,created,bid';

async function readAll(file: string): Promise<(OrderEvent | null)[]> {
  const source = await openSource(file);
  const events: (OrderEvent | null)[] = [];
  for await (const event of source.events) events.push(event);
  expect(source.progress()).toBe(1);
  return events;
}

function fileOf(content: string | Buffer, name = 'day.csv'): string {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

test('a plain file and a .gz file of one day give the same events', async () => {
  const folder = temporaryFolder();
  const [plain, gz] = [path.join(folder, 'day.csv'), path.join(folder, 'day.csv.gz')];
  for (const file of [plain, gz]) writeDay(file, { events: 5_000, messy: 0.05 });
  const events = await readAll(plain);
  expect(events).toHaveLength(5_000);
  expect(events).toContain(null);
  expect(await readAll(gz)).toEqual(events);
});

test('a plain file and an .xz file of one day give the same events', async ({ skip }) => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 5_000 });
  const events = await readAll(file);
  try {
    execFileSync('xz', [file]);
  } catch {
    skip('there is no xz on this machine to make the file with');
  }
  expect(await readAll(`${file}.xz`)).toEqual(events);
});

test('line ends of either kind, a byte order mark and a missing last line end are accepted', async () => {
  expect(await readAll(fileOf(`\uFEFF${HEADER}\r\n${LINE}\r\n${LINE}\n\n${LINE}`))).toHaveLength(3);
});

test('a file of the header alone has no events', async () => {
  expect(await readAll(fileOf(`${HEADER}\n`))).toEqual([]);
});

test('a malformed line, even one with a stray quote, loses only itself', async () => {
  const events = await readAll(fileOf([HEADER, LINE, '"65595248,1,', ',,,', LINE, ''].join('\n')));
  expect(events.map((event) => event?.orderId)).toEqual(['65595247', undefined, undefined, '65595247']);
});

test.each<[string, () => string, RegExp]>([
  ['that is not there', () => path.join(temporaryFolder(), 'none.csv'), /none\.csv.*ENOENT/],
  ['that is a folder', () => temporaryFolder(), /not a file/],
  ['that is empty', () => fileOf(''), /it is empty/],
  ['that is empty, as .xz', () => fileOf('', 'day.csv.xz'), /it is empty/],
  ['that is empty inside', () => fileOf(gzipSync(''), 'day.csv.gz'), /it is empty/],
  ['with another header', () => fileOf('a,b,c\n1,2,3\n'), /its first line is "a,b,c"/],
  ['without a header', () => fileOf(`${LINE}\n`), /its first line is "65595247,/],
  ['that is no gzip', () => fileOf(`${HEADER}\n`, 'day.csv.gz'), /incorrect header check/],
  ['that is no xz', () => fileOf(`${HEADER}\n`, 'day.csv.xz'), /day\.csv\.xz/],
  ['with a line without end', () => fileOf(`${HEADER}\n${'x'.repeat(200_000)}`), /CSV_MAX_RECORD_SIZE|max/i],
])('a file %s is refused', async (_, make, message) => {
  const failure = expect(readAll(make())).rejects;
  await failure.toMatchObject({ name: 'PincexError', code: 'invalid_file' });
  await expect(readAll(make())).rejects.toThrow(message);
  await expect(readAll(make())).rejects.toThrow(HEADER);
});

test('a .gz file that breaks off is refused with invalid_file', async () => {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const whole = path.join(folder, 'whole.csv.gz');
  writeDay(whole, { events: 5_000 });
  const bytes = readFileSync(whole);
  const half = fileOf(bytes.subarray(0, bytes.length / 2), 'half.csv.gz');
  await expect(readAll(half)).rejects.toMatchObject({ code: 'invalid_file' });
});
