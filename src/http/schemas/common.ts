import Type, { type Static, type TObject, type TSchema, type TUnsafe } from 'typebox';
import type { JsonObject } from '../../commands/item.ts';
import { ORDER_STATUSES } from '../../books/orders.ts';

/** Parts that schemas are made of. Amounts, ids and times are strings here: the engine checks them, item by item. */

export const id = Type.String({
  description: '1 to 128 characters, in your own form',
  examples: ['order-1'],
});
export const decimal = Type.String({ description: 'A decimal string, never a number', examples: ['1.5'] });
export const time = Type.String({ description: 'ISO 8601 in UTC', examples: ['2030-01-31T12:00:00.000Z'] });
export const version = Type.Integer({ minimum: 0, description: 'Counts the changes of the row' });

/** A string or null. */
export const orNull = ({ description, examples }: TSchema & Description): TUnsafe<string | null> =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
  });

interface Description {
  readonly description?: string;
  readonly examples?: readonly unknown[];
}

/** An object of the client's own that is kept with an item. */
export const metadata = Type.Unsafe<JsonObject | null>({
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'An object of your own, of at most 4,096 bytes as JSON',
  examples: [{ ticket: 'T-17' }],
});

/** One of these strings. */
export const oneOf = <Choice extends string>(...choices: readonly Choice[]): TUnsafe<Choice> =>
  Type.Unsafe<Choice>({ type: 'string', enum: choices });

export const orderStatus = oneOf(...ORDER_STATUSES);

/** The least versions to return, in the order of what the call asks for; `null` for any. */
export const minVersions = Type.Optional(
  Type.Array(
    Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  ),
);

/** The component of a command: `LockFunds` for `lockFunds`. */
export const nameOf = (command: string): string => command.charAt(0).toUpperCase() + command.slice(1);

/** An object without other fields, so that a misspelt optional field is refused. */
export const strict = <Properties extends Record<string, TSchema>>(
  properties: Properties,
  description?: string,
): TObject<Properties> =>
  Type.Object(properties, { additionalProperties: false, ...(description !== undefined && { description }) });

/** The body of a call, with an example that succeeds: see `examples.ts`. */
export const body = <Properties extends Record<string, TSchema>>(
  properties: Properties,
  example: object,
): TObject<Properties> => Type.Object(properties, { additionalProperties: false, examples: [example] });

/** A named schema, which the OpenAPI document has once. */
export interface Component<Schema extends TSchema = TSchema> {
  readonly name: string;
  readonly schema: Schema;
}

const all: Component[] = [];

export function component<Schema extends TSchema>(name: string, schema: Schema): Component<Schema> {
  const made = { name, schema };
  all.push(made);
  return made;
}

/** All components that routes may refer to. */
export const components = (): readonly Component[] => all;

/** A reference to the component. */
export const ref = <Schema extends TSchema>({ name }: Component<Schema>): TUnsafe<Static<Schema>> =>
  Type.Unsafe<Static<Schema>>({ $ref: `${name}#` });

/** An object whose fields have names of their own and values of one form. */
export const byName = <Value extends TSchema>(value: Value): TUnsafe<Record<string, Static<Value>>> =>
  Type.Unsafe<Record<string, Static<Value>>>({ type: 'object', additionalProperties: value });

/** A reference to the component, or null. */
export const refOrNull = <Schema extends TSchema>({
  name,
}: Component<Schema>): TUnsafe<Static<Schema> | null> =>
  Type.Unsafe<Static<Schema> | null>({ anyOf: [{ $ref: `${name}#` }, { type: 'null' }] });

/** An order by its user and its id, or by its id alone. */
export const orderKey = Type.Union([id, strict({ userId: id, id })], {
  description:
    'An order by its user and its id; its id alone will do as long as no other user has an order of that id',
});
