#!/usr/bin/env -S node --max-semi-space-size=128
import { pincexProgram } from './program.ts';
import { outliveReaders, reportError } from './session.ts';

outliveReaders();
await pincexProgram().parseAsync().catch(reportError);
