import { Ajv, type ErrorObject } from 'ajv';
import { validate as isUuid } from 'uuid';
import { limits } from '../../limits.ts';
import type { App } from '../app.ts';
import { components } from '../schemas/common.ts';

/** The keywords that are read here. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

type FindMistakes = (data: unknown) => Iterable<ErrorObject>;

/**
 * Validates requests against the schemas of their routes. A valid request costs one pass that ends at the first mistake.
 * All mistakes of an invalid request are collected, up to a bound, item by item: Ajv's own collection of all mistakes of a
 * large body would keep the process busy for a second.
 */
export function validateCalls(app: App): void {
  const first = validator(false);
  const all = validator(true);

  /** Finds all mistakes of a flat value, or only the first if it has more fields than mistakes are told. */
  const findIn = (schema: Schema): FindMistakes => {
    const [findFirst, findAll] = [first.compile(schema), all.compile(schema)];
    return (data) => {
      const find = isObject(data) && Object.keys(data).length > limits.http.mistakes ? findFirst : findAll;
      find(data);
      return find.errors ?? [];
    };
  };

  /** Finds the mistakes of an object, then those of the entries of its lists, one after the other. */
  const findThrough = ({ properties = {}, ...schema }: Schema): FindMistakes => {
    const entries = Object.entries(properties);
    const outside = findIn({
      ...schema,
      properties: Object.fromEntries(
        entries.map(([name, property]) => [name, property.items ? { ...property, items: {} } : property]),
      ),
    });
    const inside = entries.flatMap(([name, { items }]) => (items ? [{ name, find: findIn(items) }] : []));
    return function* (data) {
      yield* outside(data);
      for (const { name, find } of inside) {
        const list: unknown = isObject(data) ? data[name] : undefined;
        if (!Array.isArray(list)) continue;
        for (const [index, item] of list.entries())
          for (const error of find(item))
            yield { ...error, instancePath: `/${name}/${index}${error.instancePath}` };
      }
    };
  };

  app.setValidatorCompiler(({ schema }) => {
    const isValid = first.compile(schema as Schema);
    let find: FindMistakes | undefined;
    const validate = (data: unknown): boolean => {
      if (isValid(data)) return true;
      find ??= findThrough(schema as Schema);
      validate.errors = [];
      for (const error of find(data)) {
        // The errors of each choice are in the list as well, and say more.
        if (error.keyword === 'anyOf') continue;
        if (validate.errors.push(error) === limits.http.mistakes) break;
      }
      return false;
    };
    validate.errors = [] as ErrorObject[];
    return validate;
  });
}

/** No coercion and no defaults: a value that does not fit its schema is refused. */
function validator(allErrors: boolean): Ajv {
  const ajv = new Ajv({ allErrors, discriminator: true, addUsedSchema: false });
  // Formats of libraries also accept `urn:uuid:…`, which the engine refuses.
  ajv.addFormat('uuid', isUuid);
  for (const { name, schema } of components()) ajv.addSchema({ ...schema, $id: name });
  return ajv;
}

const isObject = (data: unknown): data is Readonly<Record<string, unknown>> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);
