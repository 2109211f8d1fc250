/** Where an id is typed that somebody looks for. */
export function LookUp() {
  return null;
}
