import type { ItemErrorCode, ItemResult } from '../../results.ts';

/** Messages for keys without the scope `read`, in place of those that name balances or what an id was used for. */
const MESSAGES: Readonly<Partial<Record<ItemErrorCode, string>>> = {
  insufficient_funds:
    'the account has less available than this needs; keys with the scope read are told how much',
  hold_exceeded: 'the hold has less than this needs; keys with the scope read are told how much',
  id_reused: 'the user used this id before with other content; give this item an id of its own',
};

/** Results as keys without the scope `read` get them: messages of rejected items name no balances and no earlier items. */
export function withoutBalances<Data>(results: readonly ItemResult<Data>[]): readonly ItemResult<Data>[] {
  return results.map((result) => {
    if (result.status !== 'rejected') return result;
    const { index, id, error } = result;
    const message = MESSAGES[error.code];
    if (message === undefined) return result;
    const item = `Item ${index}${id === null ? '' : ` (${id})`}`;
    return {
      ...result,
      error: { ...error, message: `${item}: ${message}` },
    };
  });
}
