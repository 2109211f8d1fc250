import type { LivePicture } from '../../../src/live/frame.ts';
import type { Filter } from '../../live/filter.ts';

/** What each part of the live view shows. */
export interface PartProps {
  readonly picture: LivePicture;
  readonly filter: Filter;
}
