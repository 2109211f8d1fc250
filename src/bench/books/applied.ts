import type { BatchResult } from '../../index.ts';

/**
 * Waits for a batch, and fails if it did less than it was asked for: its time would be no measurement.
 *
 * @throws RangeError with the message of the first item that was not applied
 */
export async function applied(batch: Promise<BatchResult<unknown>>): Promise<void> {
  const { counts, failedItems } = await batch;
  const [error] = failedItems.values();
  if (counts.applied !== counts.total) throw new RangeError(error?.message ?? 'Not every item was applied');
}
