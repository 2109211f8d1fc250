import { InvalidArgumentError } from 'commander';

/** The option that every command takes. */
export interface JsonOption {
  readonly json?: boolean;
}

/** The declaration of `--json`; its output is described in docs/operations.md. */
export const JSON_OPTION = ['--json', 'print JSON, errors too'] as const;

/** Reads a text option. An empty text is refused: it probably is a shell variable that was not set. */
export function someText(name: string): (text: string) => string {
  return (text) => {
    if (text !== '') return text;
    throw new InvalidArgumentError(`${name} takes a text that is not empty.`);
  };
}

/** Reads an option that is a whole number. */
export function wholeNumber(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`${name} takes a whole number from ${least} to ${most}.`);
  };
}
