import type { Alert } from '../../../src/alert.ts';
import type { LivePicture } from '../../../src/live/frame.ts';
import { Badge, type Tone } from '../../components/Badge.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Ago } from '../../components/Time.tsx';
import { Acknowledge } from './Acknowledge.tsx';

/** Alerts that fire, are pending, or were resolved of late. */
export function Alerts({ picture: { alerts, at } }: { readonly picture: LivePicture }) {
  const current = alerts.filter(({ state }) => state !== 'resolved');
  const resolved = alerts.filter(({ state }) => state === 'resolved');
  return (
    <div class="alerts">
      <Announcement alerts={current} />
      {current.length > 0 && (
        <Panel title="Alerts">
          <AlertList alerts={current} at={at} />
        </Panel>
      )}
      {resolved.length > 0 && (
        <details class="resolved">
          <summary>Resolved alerts ({resolved.length})</summary>
          <AlertList alerts={resolved} at={at} />
        </details>
      )}
    </div>
  );
}

/** Tells screen readers which alerts fire. Messages are left out: their figures change while the alert stays the same. */
function Announcement({ alerts }: { readonly alerts: readonly Alert[] }) {
  const firing = alerts.filter(({ state }) => state === 'firing');
  const names = firing.map(({ rule, subject }) => (subject === '' ? rule : `${rule} ${subject}`));
  return (
    <p class="unseen" aria-live="polite">
      {names.length === 0 ? 'No alert fires' : `Firing alerts: ${names.join(', ')}`}
    </p>
  );
}

function AlertList({ alerts, at }: { readonly alerts: readonly Alert[]; readonly at: string }) {
  return (
    <ul class="alert-list">
      {alerts.map((alert) => (
        <li key={alert.id} class={`${alert.state} ${alert.severity}`}>
          <Badge tone={toneOf(alert)}>{alert.state}</Badge>
          <div class="about">
            <p>
              <Plain text={alert.message} />
            </p>
            <p class="hint">
              <code>{alert.rule}</code>
              {alert.subject !== '' && (
                <>
                  {' · '}
                  <Plain text={alert.subject} />
                </>
              )}
              {' · '}
              {sinceOf(alert)} <Ago at={alert.resolvedAt ?? alert.firedAt ?? alert.pendingAt} now={at} />
            </p>
          </div>
          <Acknowledge alert={alert} at={at} />
        </li>
      ))}
    </ul>
  );
}

function toneOf({ state, severity }: Alert): Tone {
  if (state === 'resolved') return 'good';
  if (state === 'pending') return 'quiet';
  return severity === 'error' ? 'bad' : 'warning';
}

const SINCE: Readonly<Record<Alert['state'], string>> = {
  pending: 'began',
  firing: 'fires since',
  resolved: 'resolved',
};

const sinceOf = ({ state }: Alert): string => SINCE[state];
