import { FEES } from '../../books/funds.ts';
import { isId } from '../../commands/fields.ts';
import type { CommandType } from '../../commands/index.ts';

/** The user and the id under which an item stands in `operations` once it was applied; `null` where it has none. */
export type Claim = readonly [userId: string, id: string] | null;

/**
 * What the items of a batch can be looked up by, without reading them as commands. A trade stands under both its users;
 * the buyer is enough to find it.
 *
 * @param command of all items; without it each item names its own
 */
export function claimsOf(items: readonly unknown[], command?: CommandType): Claim[] {
  return Array.from(items, (item) => claimOf(item, command));
}

function claimOf(item: unknown, command: CommandType | undefined): Claim {
  if (typeof item !== 'object' || item === null) return null;
  const fields = item as Readonly<Record<string, unknown>>;
  const isTrade = (command ?? fields['command']) === 'settleTrade';
  const { id } = fields;
  const userId = fields[isTrade ? 'buyUserId' : 'userId'];
  if (typeof id !== 'string' || typeof userId !== 'string') return null;
  return isId(id) && (userId === FEES || isId(userId)) ? [userId, id] : null;
}
