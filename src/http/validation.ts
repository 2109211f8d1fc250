import { Ajv, type ErrorObject } from 'ajv';
import { validate as isUuid } from 'uuid';
import { limits } from '../limits.ts';
import type { App } from './app.ts';
import { components } from './schemas/common.ts';

/** As far as it is looked at here. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

type Find = (data: unknown) => Iterable<ErrorObject>;

/**
 * Holds what calls bring against the schemas of their routes. What fits is told by the first look; of what does not, all
 * mistakes are found, up to a bound: looked for all at once, a body of many would keep the process busy for a second.
 */
export function validateCalls(app: App): void {
  const first = validator(false);
  const all = validator(true);

  /** Mistakes of one value, which is flat. Nobody misspells so many names; of such an object the first will do. */
  const findIn = (schema: Schema): Find => {
    const [findFirst, findAll] = [first.compile(schema), all.compile(schema)];
    return (data) => {
      const find = isObject(data) && Object.keys(data).length > limits.http.mistakes ? findFirst : findAll;
      find(data);
      return find.errors ?? [];
    };
  };

  /** Mistakes of an object, and of what its lists have, one after the other. */
  const findThrough = ({ properties = {}, ...schema }: Schema): Find => {
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
    let find: Find | undefined;
    const validate = (data: unknown): boolean => {
      if (isValid(data)) return true;
      find ??= findThrough(schema as Schema);
      validate.errors = [];
      for (const error of find(data)) {
        // What each of the choices says of it stands beside it.
        if (error.keyword === 'anyOf') continue;
        if (validate.errors.push(error) === limits.http.mistakes) break;
      }
      return false;
    };
    validate.errors = [] as ErrorObject[];
    return validate;
  });
}

/** What does not fit its schema is refused, not bent until it does. */
function validator(allErrors: boolean): Ajv {
  const ajv = new Ajv({ allErrors, discriminator: true, addUsedSchema: false });
  // Not any that a library has: some take `urn:uuid:…`, which the engine does not.
  ajv.addFormat('uuid', isUuid);
  for (const { name, schema } of components()) ajv.addSchema({ ...schema, $id: name });
  return ajv;
}

const isObject = (data: unknown): data is Readonly<Record<string, unknown>> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);
