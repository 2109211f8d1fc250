import { hrefOf } from '../router.ts';
import { Plain } from './Plain.tsx';

interface IdProps {
  readonly id: string;
  /** Where it leads: the parts of an address, such as `['user', id]`. */
  readonly to?: readonly string[];
}

/** An id in the type of code, a link if it leads somewhere. */
export function Id({ id, to }: IdProps) {
  const text = (
    <code class="id">
      <Plain text={id} />
    </code>
  );
  return to === undefined ? text : <a href={hrefOf(to)}>{text}</a>;
}
