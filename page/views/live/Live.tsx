import { Loading } from '../../components/Notes.tsx';
import { connection, filter, picture } from '../../live/live.ts';
import { Alerts } from './Alerts.tsx';
import { Audit } from './Audit.tsx';
import { Batches } from './Batches.tsx';
import { Charts } from './Charts.tsx';
import { Interruption } from './Interruption.tsx';
import { Loops } from './Loops.tsx';
import { Operations } from './Operations.tsx';
import { Outcomes } from './Outcomes.tsx';
import { Phases } from './Phases.tsx';
import { Processes } from './Processes.tsx';
import { Cache, Pool } from './Resources.tsx';
import { Standing } from './Standing.tsx';
import { Tiles } from './Tiles.tsx';
import { Toolbar } from './Toolbar.tsx';

/** What the exchange does now: the view that is left open. */
export function Live() {
  const shown = picture.value;
  const chosen = filter.value;
  if (shown === null)
    return (
      <div class="view">
        <h1>Live</h1>
        {connection.value.kind === 'connecting' ? <Loading what="the live figures" /> : <Interruption />}
      </div>
    );
  return (
    // Until the figures of the picked process are there, those of before are faint.
    <div class={shown.process === chosen.process ? 'view' : 'view stale'}>
      <div class="view-head">
        <Standing picture={shown} />
        <Toolbar picture={shown} filter={chosen} />
      </div>
      <Interruption />
      <Alerts picture={shown} />
      <Tiles picture={shown} filter={chosen} />
      <Charts picture={shown} filter={chosen} />
      <div class="columns wide-narrow">
        <Operations picture={shown} filter={chosen} />
        <Outcomes picture={shown} filter={chosen} />
      </div>
      <div class="columns wide-narrow">
        <Phases picture={shown} filter={chosen} />
        <Loops picture={shown} filter={chosen} />
      </div>
      <Batches picture={shown} filter={chosen} />
      <div class="columns thirds">
        <Pool picture={shown} />
        <Cache picture={shown} />
        <Audit audit={shown.audit} now={shown.at} />
      </div>
      <Processes picture={shown} filter={chosen} />
    </div>
  );
}
