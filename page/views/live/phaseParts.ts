import type { Part } from '../../charts/Bar.tsx';
import { duration } from '../../format/numbers.ts';

export const PHASES = [
  { name: 'load', colour: '--series-1' },
  { name: 'decide', colour: '--series-3' },
  { name: 'persist', colour: '--series-2' },
  { name: 'publish', colour: '--series-4' },
  { name: 'other', colour: '--faint' },
] as const;

export type PhaseMs = Readonly<Record<(typeof PHASES)[number]['name'], number>>;

export const phaseParts = (ms: PhaseMs): Part[] =>
  PHASES.map(({ name, colour }) => ({ name, colour, value: Math.max(0, ms[name]) }));

/** The phases in words, for those who do not see the bar. */
export const phaseText = (ms: PhaseMs): string =>
  PHASES.map(({ name }) => `${name} ${duration(Math.max(0, ms[name]))}`).join(', ');
