/**
 * Raises a warning of the process, for a fault that must fail neither a call nor the process.
 *
 * @param code tells programs which warning it is
 * @param detail lines below the message, such as a stack
 */
export function raiseWarning(code: `PINCEX_${string}`, message: string, detail?: string): void {
  process.emitWarning(message, { type: 'PincexWarning', code, ...(detail !== undefined && { detail }) });
}
