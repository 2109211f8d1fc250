import { scarcities } from '../requests/room.ts';
import { readUsage } from '../requests/statements.ts';
import { many, percent, type Check } from './check.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

export const room: Check = {
  name: 'idempotency_room',
  promise: 'The HTTP service has room for the answers that it keeps',
  async run({ client, idempotencyRoom, thresholds }) {
    const { rows } = await client.query<{ caller: string; bytes: string }>(readUsage.text);
    const kept = new Map(rows.map(({ caller, bytes }) => [caller, { bytes: Number(bytes) }]));
    return scarceRoom(kept, idempotencyRoom, thresholds);
  },
};

export function scarceRoom(
  kept: ReadonlyMap<string, { readonly bytes: number }>,
  idempotencyRoom: number,
  { roomShare }: Thresholds,
): Finding[] {
  return scarcities(kept, idempotencyRoom, roomShare).map(({ caller, bytes, most }): Finding => {
    const isFull = bytes >= most;
    const share = isFull ? 'as much as' : `${percent(bytes / most)} of what`;
    const refused = caller === null ? 'calls that write are refused' : 'its calls that write are refused';
    return {
      severity: isFull ? 'hurts' : 'advice',
      subject: caller === null ? 'service.idempotency_room' : `key ${caller}`,
      message: `has ${many(bytes)} bytes of answers kept, ${share} it may have, ${many(most)}${isFull ? `: ${refused} with 429 quota_exceeded` : ''}`,
      remedy: `${caller === null ? 'See which keys have the most in request_usage' : 'Ask whose key it is (pincex keys list) why it writes so much'}; revoke one that is misused. If the disk has the room, raise service.idempotency_room; else lower service.idempotency_retention. Answers expire by themselves, hour by hour`,
    };
  });
}
