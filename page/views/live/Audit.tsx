import type { AuditLine } from '../../../src/live/frame.ts';
import { Badge } from '../../components/Badge.tsx';
import { Empty } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Ago, Time } from '../../components/Time.tsx';
import { counted } from '../../format/numbers.ts';

interface AuditProps {
  readonly audit: AuditLine | null;
  readonly now: string;
}

/** The last proof that the books are right. */
export function Audit({ audit, now }: AuditProps) {
  if (audit === null)
    return (
      <Panel title="Last audit">
        <Empty>
          No audit was made yet. <code>pincex audit</code> proves the books from the tables alone; run one
          every night.
        </Empty>
      </Panel>
    );
  const { madeAt, findings, checks } = audit;
  return (
    <Panel title="Last audit">
      <p class="figure">
        <Ago at={madeAt} now={now} />
      </p>
      <p>
        {findings === 0 ? (
          <Badge tone="good">The books are right</Badge>
        ) : (
          <Badge tone="bad">{counted(findings, 'finding')}</Badge>
        )}
      </p>
      <dl class="facts">
        <dt>Made</dt>
        <dd>
          <Time at={madeAt} />
        </dd>
        {checks.length > 0 && (
          <>
            <dt>Found by</dt>
            <dd>
              <Plain text={checks.join(', ')} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
