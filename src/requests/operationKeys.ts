import { FEES } from '../books/funds.ts';
import { isId } from '../commands/fields.ts';
import { commands, type BatchType, type CommandType } from '../commands/index.ts';
import { kindOf, type OperationKind } from '../commands/kinds.ts';

/**
 * The user, the id and the kind by which an applied item is found in `operations`; `null` for an item without them. Requests
 * that were stored by a version before kinds have no kind.
 */
export type OperationKey = readonly [userId: string, id: string, kind?: OperationKind] | null;

/**
 * The keys by which the items of a batch can be looked up in `operations`, without reading the items as commands. A trade has
 * an operation for each of its users; that of the buyer is enough to find it.
 */
export function operationKeysOf(items: readonly unknown[], command: BatchType = 'mixed'): OperationKey[] {
  return Array.from(items, (item) => operationKeyOf(item, command));
}

function operationKeyOf(item: unknown, command: BatchType): OperationKey {
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
