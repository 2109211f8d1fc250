import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../../components/Icon.tsx';
import { go } from '../../navigation.ts';

/** Where an id is typed that somebody looks for. The key `/` leads there. */
export function LookUp() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
    };
  }, []);
  return (
    <form
      class="look-up"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const text = input.current?.value.trim() ?? '';
        if (text !== '') go(['find', text]);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        aria-label="Look up a user, order, trade or batch"
        placeholder="User, order, trade or batch"
        title="Press / to come here"
        autocomplete="off"
        spellcheck={false}
      />
    </form>
  );
}
