import Type, { type Static, type TObject, type TSchema, type TUnsafe } from 'typebox';
import type { JsonObject } from '../../commands/item.ts';
import { ORDER_STATUSES } from '../../books/orders.ts';

/** The pieces that schemas are made of. What is an amount, an id or a time is for the engine to say, item by item. */

export const id = Type.String({
  description: '1 to 128 characters, in your own form',
  examples: ['order-1'],
});
export const decimal = Type.String({ description: 'A decimal string, never a number', examples: ['1.5'] });
export const time = Type.String({ description: 'ISO 8601 in UTC', examples: ['2030-01-31T12:00:00.000Z'] });
export const version = Type.Integer({ minimum: 0, description: 'Counts the changes of the row' });

/** A text, or null where there is none. */
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

/** What a caller keeps with an item: an object of their own. */
export const metadata = Type.Unsafe<JsonObject | null>({
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'An object of your own, of at most 4,096 bytes as JSON',
  examples: [{ ticket: 'T-17' }],
});

/** One of these texts. */
export const oneOf = <Choice extends string>(...choices: readonly Choice[]): TUnsafe<Choice> =>
  Type.Unsafe<Choice>({ type: 'string', enum: choices });

export const orderStatus = oneOf(...ORDER_STATUSES);

/** The versions that a reader knows, in the order of what it asks for; `null` where it knows none. */
export const minVersions = Type.Optional(
  Type.Array(
    Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  ),
);

/** A command, such as `lockFunds`, as a name of a component: `LockFunds`. */
export const nameOf = (command: string): string => command.charAt(0).toUpperCase() + command.slice(1);

/** An object that takes no other fields: a name with a typing error would be overlooked. */
export const strict = <Properties extends Record<string, TSchema>>(
  properties: Properties,
  description?: string,
): TObject<Properties> =>
  Type.Object(properties, { additionalProperties: false, ...(description !== undefined && { description }) });

/** What a call sends, and an example of it that succeeds: see `examples.ts`. */
export const body = <Properties extends Record<string, TSchema>>(
  properties: Properties,
  example: object,
): TObject<Properties> => Type.Object(properties, { additionalProperties: false, examples: [example] });

/** A schema that stands once, under its name, in the OpenAPI document. */
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

/** Every component that a route may refer to. */
export const components = (): readonly Component[] => all;

/** The component, named. */
export const ref = <Schema extends TSchema>({ name }: Component<Schema>): TUnsafe<Static<Schema>> =>
  Type.Unsafe<Static<Schema>>({ $ref: `${name}#` });

/** The component, or null where there is none. */
export const refOrNull = <Schema extends TSchema>({
  name,
}: Component<Schema>): TUnsafe<Static<Schema> | null> =>
  Type.Unsafe<Static<Schema> | null>({ anyOf: [{ $ref: `${name}#` }, { type: 'null' }] });

/** An order by its user and its id, or by its id alone. */
export const orderKey = Type.Union([id, strict({ userId: id, id })], {
  description:
    'An order by its user and its id; its id alone will do as long as no other user has an order of that id',
});
