import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { detectNPlusOne, type NPlusOneDetector, type NPlusOneOptions } from '../../src/nPlusOne/index.ts';
import { until } from '../support/waiting.ts';

/** `file:line` of the line of a test file that has this mark. */
export function placeOf(file: string, mark: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  return `${file}:${lines.findIndex((line) => line.endsWith(`// ${mark}`)) + 1}`;
}

/** Looks for loops until the test has finished. */
export function detect(options?: NPlusOneOptions): NPlusOneDetector {
  const detector = detectNPlusOne(options);
  onTestFinished(() => {
    detector.stop();
  });
  return detector;
}

interface Warning {
  readonly message: string;
  readonly detail: string;
}

/** Collects the warnings about loops until the test has finished. */
export function collectWarnings(): { upTo(count: number): Promise<Warning[]> } {
  const warnings: Warning[] = [];
  const onWarning = (warning: Error & { readonly code?: string; readonly detail?: string }): void => {
    if (warning.code === 'PINCEX_N_PLUS_ONE')
      warnings.push({ message: warning.message, detail: warning.detail ?? '' });
  };
  process.on('warning', onWarning);
  onTestFinished(() => {
    process.off('warning', onWarning);
  });
  return {
    async upTo(count) {
      await until(`${count} warnings about loops`, () => warnings.length >= count);
      // Node.js emits a warning in the next tick: one more than expected would be there now.
      await new Promise(setImmediate);
      return warnings;
    },
  };
}
