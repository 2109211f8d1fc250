/** Whether the live figures come in. */
export function Connection() {
  return null;
}
