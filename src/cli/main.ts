#!/usr/bin/env -S node --max-semi-space-size=128
import { pincexProgram } from './program.ts';
import { reportError } from './session.ts';

await pincexProgram().parseAsync().catch(reportError);
