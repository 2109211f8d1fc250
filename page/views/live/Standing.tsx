import type { LivePicture } from '../../../src/live/frame.ts';
import { Icon } from '../../components/Icon.tsx';
import { Ago } from '../../components/Time.tsx';
import { counted } from '../../format/numbers.ts';
import { version } from '../../live/live.ts';

/** The one sentence that is read from across the room. */
export function Standing({ picture: { alerts, at, processes, audit } }: { readonly picture: LivePicture }) {
  const firing = alerts.filter(({ state }) => state === 'firing');
  const tone = firing.some(({ severity }) => severity === 'error')
    ? 'bad'
    : firing.length > 0
      ? 'warning'
      : 'good';
  return (
    <div class={`standing ${tone}`}>
      <h1>
        <Icon name={tone === 'good' ? 'check' : tone === 'bad' ? 'error' : 'warning'} />
        {firing.length === 0
          ? 'No alert fires'
          : `${counted(firing.length, 'alert')} ${firing.length === 1 ? 'fires' : 'fire'}`}
      </h1>
      <p class="hint">
        {counted(processes.length, 'process', 'processes')} · Pincex {version.value} ·{' '}
        {audit === null ? (
          'no audit yet'
        ) : (
          <>
            audit <Ago at={audit.madeAt} now={at} />
          </>
        )}{' '}
        · <span class="clock">{at.slice(11, 19)}</span> UTC
      </p>
    </div>
  );
}
