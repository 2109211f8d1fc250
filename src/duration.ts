/** Milliseconds as results, reports and logs tell them: to a hundredth. */
export const rounded = (ms: number): number => Math.round(ms * 100) / 100;
