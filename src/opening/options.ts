import type { Config } from '../config/load.ts';
import { describe } from '../describe.ts';
import type { Alert } from '../alert.ts';
import type { ReadRun, StatementRun } from '../diagnostics.ts';
import { STRATEGIES, type Strategy } from '../engine/engine.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import type { Logger } from '../logging.ts';

export interface PincexOptions {
  /** Default: `pincex.yaml` of the working folder, overridden by environment variables. */
  readonly config?: Config | undefined;
  /** How concurrent batches are kept apart. Default: `auto`; the others are for measurements and tests. */
  readonly strategy?: Strategy | undefined;
  /** Called after each statement. */
  readonly onStatement?: ((run: StatementRun) => unknown) | undefined;
  /** Receives the debug logs if `enable_debug_logs` is on. Default: JSON lines on standard error. */
  readonly logger?: Logger | undefined;
  /** Called after each batch of keys that was looked up in the cache. */
  readonly onCacheRead?: ((run: ReadRun) => unknown) | undefined;
  /**
   * Called when an alert begins to fire and when it is resolved, at least once, in the process that judges: see
   * `docs/monitoring.md`.
   */
  readonly onAlert?: ((alert: Alert) => unknown) | undefined;
  /** Receives progress messages while the embedded server starts. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

const OPTIONS = namesOf<PincexOptions>({
  config: true,
  strategy: true,
  onStatement: true,
  logger: true,
  onCacheRead: true,
  onAlert: true,
  onProgress: true,
});

/** @throws PincexError `invalid_argument` */
export function readPincexOptions(options?: PincexOptions): Partial<PincexOptions> {
  const known = readOptions('Pincex.open', options, OPTIONS);
  requireStrategy(known.strategy);
  return known;
}

function requireStrategy(strategy: unknown): void {
  if (strategy === undefined || STRATEGIES.some((known) => known === strategy)) return;
  const message = `strategy must be one of ${STRATEGIES.join(', ')}: got ${describe(strategy)}`;
  throw new PincexError('invalid_argument', message);
}
