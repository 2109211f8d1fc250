import type { ItemErrorCode, ItemResult } from '../results.ts';

/** What is told in place of messages that name what an account, or a hold, has, or what another may have used an id for. */
const WORDS: Readonly<Partial<Record<ItemErrorCode, string>>> = {
  insufficient_funds:
    'the account has less available than this needs; keys with the scope read are told how much',
  hold_exceeded: 'the hold has less than this needs; keys with the scope read are told how much',
  id_reused: 'the user used this id before with other content; give this item an id of its own',
};

/** Results as a key is told them that may not read: the messages of those that were rejected name no balances, and no others' items. */
export function withoutBalances<Data>(results: readonly ItemResult<Data>[]): readonly ItemResult<Data>[] {
  return results.map((result) => {
    if (result.status !== 'rejected') return result;
    const { index, id, error } = result;
    const words = WORDS[error.code];
    if (words === undefined) return result;
    const item = `Item ${index}${id === null ? '' : ` (${id})`}`;
    return {
      ...result,
      error: { ...error, message: `${item}: ${words}` },
    };
  });
}
