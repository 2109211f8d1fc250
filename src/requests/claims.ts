import { FEES } from '../books/funds.ts';
import { isId } from '../commands/fields.ts';
import { commands, type BatchType, type CommandType } from '../commands/index.ts';
import { kindOf, type OperationKind } from '../commands/kinds.ts';

/**
 * The user, the id and the kind under which an item stands in `operations` once it was applied; `null` where it has none.
 * What was noted by a version that knew no kinds has none.
 */
export type Claim = readonly [userId: string, id: string, kind?: OperationKind] | null;

/**
 * What the items of a batch can be looked up by, without reading them as commands. A trade stands under both its users;
 * the buyer is enough to find it.
 */
export function claimsOf(items: readonly unknown[], command: BatchType = 'mixed'): Claim[] {
  return Array.from(items, (item) => claimOf(item, command));
}

function claimOf(item: unknown, command: BatchType): Claim {
  if (typeof item !== 'object' || item === null) return null;
  const fields = item as Readonly<Record<string, unknown>>;
  const type = command === 'mixed' ? fields['command'] : command;
  if (!isCommandType(type)) return null;
  const { id } = fields;
  const userId = fields[type === 'settleTrade' ? 'buyUserId' : 'userId'];
  if (typeof id !== 'string' || typeof userId !== 'string') return null;
  return isId(id) && (userId === FEES || isId(userId)) ? [userId, id, kindOf(type)] : null;
}

const isCommandType = (type: unknown): type is CommandType =>
  typeof type === 'string' && Object.hasOwn(commands, type);
