import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { limits } from '../limits.ts';

/** The folder of the code of Pincex: `dist` of the package. */
const OURS = fileURLToPath(new URL('..', import.meta.url));

/** Frames that are taken: those of Pincex and of other packages come before those of the caller. */
const TAKEN = 50;

const FRAME = /^\s*at (?:.*? \(|async )?(?<place>.+):(?<line>\d+):\d+\)?$/;

/** The frames of the caller's code that led here, as `file:line`, the innermost first. */
export function stackOfCaller(): readonly string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = TAKEN;
  try {
    const { stack } = new Error();
    return typeof stack === 'string' ? framesOfCaller(stack, OURS, process.cwd()) : [];
  } catch {
    // `Error.prepareStackTrace` belongs to the application. If it throws, the place is unknown and the call goes on.
    return [];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * The frames of a stack outside a folder, Node.js and `node_modules`; those in `node_modules` if there are no others.
 *
 * @param ours the folder whose frames are left out
 * @param from files are named relative to this folder if they are in it
 */
export function framesOfCaller(stack: string, ours: string, from: string): string[] {
  const frames: { file: string; line: string }[] = [];
  for (const text of stack.split('\n')) {
    const { place, line } = FRAME.exec(text)?.groups ?? {};
    if (place === undefined || line === undefined) continue;
    const file = place.startsWith('file:') ? fileURLToPath(place) : place;
    if (path.isAbsolute(file) && !file.startsWith(ours)) frames.push({ file, line });
  }
  const own = frames.filter(({ file }) => !file.includes(`${path.sep}node_modules${path.sep}`));
  return (own.length > 0 ? own : frames)
    .slice(0, limits.nPlusOne.frames)
    .map(({ file, line }) => `${nameOf(file, from)}:${line}`);
}

function nameOf(file: string, from: string): string {
  const name = path.relative(from, file);
  return name.startsWith('..') || path.isAbsolute(name) ? file : name;
}
