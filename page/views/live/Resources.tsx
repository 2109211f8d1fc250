import type { LivePicture } from '../../../src/live/frame.ts';
import { Bar } from '../../charts/Bar.tsx';
import { Empty } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { count, counted, duration, percent } from '../../format/numbers.ts';

interface ResourceProps {
  readonly picture: LivePicture;
}

/** Connections to PostgreSQL. */
export function Pool({ picture: { pool } }: ResourceProps) {
  const share = pool.max === 0 ? 0 : pool.inUse / pool.max;
  const colour = share > 0.8 ? '--warning' : '--accent';
  return (
    <Panel title="Connections" note="now, and since the start">
      <p class="figure">
        {count(pool.inUse)}
        <span class="unit">of {count(pool.max)} in use</span>
      </p>
      <Bar
        parts={[{ name: 'in use', value: pool.inUse, colour }]}
        of={pool.max}
        label={`${percent(share)} in use`}
      />
      <dl class="facts">
        <dt>Calls that waited</dt>
        <dd>
          {count(pool.waits)}
          {pool.waits > 0 &&
            `, ${duration(pool.waitMs / pool.waits)} on average, ${duration(pool.longestWaitMs)} at most`}
        </dd>
        <dt>Got none</dt>
        <dd class={pool.refused > 0 ? 'is-bad' : ''}>{count(pool.refused)}</dd>
      </dl>
    </Panel>
  );
}

const KINDS = [
  { kind: 'accounts', title: 'Accounts' },
  { kind: 'orders', title: 'Orders' },
  { kind: 'userOrders', title: 'Orders of users' },
  { kind: 'trades', title: 'Trades' },
] as const;

/** How many keys the cache had. */
export function Cache({ picture: { cache } }: ResourceProps) {
  const isUsed = KINDS.some(({ kind }) => cache.reads[kind].hitRate !== null);
  return (
    <Panel title="Cache" note="hits, since the start">
      {isUsed ? (
        <ul class="cache">
          {KINDS.map(({ kind, title }) => {
            const { hits, misses, hitRate } = cache.reads[kind];
            return (
              <li key={kind}>
                <span>{title}</span>
                <Bar
                  parts={[{ name: 'hits', value: hits, colour: '--accent' }]}
                  of={Math.max(1, hits + misses)}
                  label={`${count(hits)} of ${counted(hits + misses, 'key')}`}
                />
                <strong class="number">{percent(hitRate)}</strong>
              </li>
            );
          })}
        </ul>
      ) : (
        <Empty>Nothing was read by key yet. Reads of accounts, orders and trades ask the cache first.</Empty>
      )}
      {cache.failures > 0 && (
        <p class="is-bad">
          {counted(cache.failures, 'call')} to the cache failed; PostgreSQL answered instead.
        </p>
      )}
    </Panel>
  );
}
