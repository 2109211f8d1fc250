import { Bar } from '../../charts/Bar.tsx';
import { Empty } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { compact, count, duration } from '../../format/numbers.ts';
import { own } from '../../own.ts';
import type { PartProps } from './part.ts';

/** What loops of single calls would have cost against what was sent. */
export function Loops({ picture: { loops }, filter }: PartProps) {
  const cost = filter.operation === null ? loops : own(loops.byOperation, filter.operation);
  return (
    <Panel title="N+1 avoided" note="since the start">
      {cost === undefined || cost.statements === 0 ? (
        <Empty>
          Nothing was sent yet. Batches are compared here with loops that send each item by itself.
        </Empty>
      ) : (
        <>
          <p class="figure">
            {compact(cost.wouldBeStatements / cost.statements)}
            <span class="unit">× fewer statements</span>
          </p>
          <dl class="compared">
            <Compared
              title="Statements sent"
              value={count(cost.statements)}
              share={cost.statements / cost.wouldBeStatements}
            />
            <Compared
              title="By loops of single calls"
              value={count(cost.wouldBeStatements)}
              share={1}
              isLoop
            />
            <Compared
              title="Time of these operations"
              value={duration(cost.ms)}
              share={cost.ms / cost.wouldBeMs}
            />
            <Compared title="By loops, estimated" value={duration(cost.wouldBeMs)} share={1} isLoop />
          </dl>
        </>
      )}
    </Panel>
  );
}

interface ComparedProps {
  readonly title: string;
  readonly value: string;
  readonly share: number;
  readonly isLoop?: boolean;
}

function Compared({ title, value, share, isLoop = false }: ComparedProps) {
  const colour = isLoop ? '--faint' : '--accent';
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <Bar parts={[{ name: title, value: Math.min(1, share), colour }]} of={1} label={value} />
        {value}
      </dd>
    </div>
  );
}
