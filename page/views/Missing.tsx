import { address } from '../navigation.ts';
import { hrefOf } from '../router.ts';
import { Plain } from '../components/Plain.tsx';

export function Missing() {
  return (
    <div class="view">
      <h1>Nothing is here</h1>
      <p class="lead">
        The page has no view at <Plain text={hrefOf(address.value.parts)} />. <a href="#/">Live figures</a>
      </p>
    </div>
  );
}
