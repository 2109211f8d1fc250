/** A piece of a text: as it is, or the name of a character that would not be seen or would turn the text around. */
export type Piece = { readonly text: string } | { readonly hidden: string };

/** Control and format characters (of them those that change the direction), private ones, lone surrogates, and unusual spaces. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Splits a text so that each of its hidden characters can be shown by its name, such as `U+202E`. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(HIDDEN)) {
    if (index > from) pieces.push({ text: text.slice(from, index) });
    pieces.push({ hidden: nameOf(found) });
    from = index + found.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

const nameOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** `batch_lock_funds` as words: `lock funds`. Every batch begins with the same word. */
export const operationTitle = (operation: string): string =>
  operation.replace(/^batch_(?=.)/, '').replaceAll('_', ' ');
