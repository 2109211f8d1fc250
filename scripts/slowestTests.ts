/** Prints the ten slowest files of a run of Vitest, from the file that its JSON reporter wrote. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
  }[];
}

const [file = ''] = process.argv.slice(2);
const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
const files = testResults
  .map(({ name, startTime, endTime }) => ({
    name: path.relative('.', name),
    seconds: (endTime - startTime) / 1_000,
  }))
  .sort((a, b) => b.seconds - a.seconds);
console.log('The ten slowest test files');
for (const { name, seconds } of files.slice(0, 10))
  console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
