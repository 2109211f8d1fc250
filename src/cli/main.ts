#!/usr/bin/env -S node --max-semi-space-size=128
import { asksForJson, pincexProgram } from './program.ts';
import { outliveReaders, reportError } from './session.ts';

outliveReaders();
const words = process.argv.slice(2);
const json = asksForJson(words);
await pincexProgram(json)
  .parseAsync(words, { from: 'user' })
  .catch((error: unknown) => {
    reportError(error, json);
  });
