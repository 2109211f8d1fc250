import { piecesOf } from '../format/text.ts';

/** A text of somebody else, such as an id: isolated from the direction of the text around it, its hidden characters by name. */
export function Plain({ text }: { readonly text: string }) {
  return (
    <bdi class="plain">
      {piecesOf(text).map((piece) =>
        'text' in piece ? piece.text : <span class="hidden-character">{piece.hidden}</span>,
      )}
    </bdi>
  );
}
