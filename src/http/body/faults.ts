import type { FastifyError } from 'fastify';
import { commands } from '../../commands/index.ts';
import { shortened, type Fault } from '../problems/problem.ts';
import { escaped, textFinder } from './jsonText.ts';

const PLACES = { body: 'pointer', querystring: 'parameter', params: 'parameter', headers: 'header' } as const;

/** The mistakes that validation found, each with its place in the request, what would be accepted, and what was sent. */
export function validationFaults(
  { validation = [], validationContext }: Pick<FastifyError, 'validation' | 'validationContext'>,
  rawBody: string,
): readonly [Fault, ...Fault[]] {
  const place = PLACES[validationContext ?? 'body'];
  const textAt = textFinder(rawBody);
  const [first, ...others] = validation.map(
    ({ instancePath, keyword, params, message = 'is not valid' }): Fault => {
      const named = PROPERTY[keyword];
      const property = named === undefined ? undefined : params[named];
      const pointer = `${instancePath}${typeof property === 'string' ? `/${shortened(escaped(property))}` : ''}`;
      const detail = detailOf(keyword, params, message);
      if (place !== 'pointer') return { [place]: pointer.slice(1), detail };
      const got = WITHOUT_VALUE.has(keyword) ? undefined : textAt(pointer);
      return { pointer, detail: got === undefined ? detail : `${detail}: got ${shortened(got)}` };
    },
  );
  return [first ?? { pointer: '', detail: 'is not valid' }, ...others];
}

/** Keywords about a field that is missing or unknown: its value says nothing. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set(['required', 'additionalProperties']);

/** The parameter of a keyword that names a property of the object at its place. */
const PROPERTY: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  additionalProperties: 'additionalProperty',
  discriminator: 'tag',
};

function detailOf(keyword: string, params: Readonly<Record<string, unknown>>, message: string): string {
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is not a field that is known here';
    case 'enum':
      return `must be one of ${(params['allowedValues'] as readonly (string | null)[]).map(String).join(', ')}`;
    case 'type':
      return `must be ${[params['type']].flat().join(' or ')}`;
    // The only format that schemas use.
    case 'format':
      return 'must be a UUID';
    // The only discriminator is the command of an item in a mixed batch.
    case 'discriminator':
      return `must be one of ${Object.keys(commands).join(', ')}`;
    default:
      return message;
  }
}
