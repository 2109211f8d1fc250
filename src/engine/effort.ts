import type { Session } from '../database/database.ts';
import type { Phase } from '../diagnostics.ts';

/**
 * The time of a batch by phase, and its statements, over all attempts. The engine measures them itself: listeners of the phases
 * and statements would need a context for each batch, which takes longer than all of this.
 */
export class Effort {
  readonly phaseMs: Record<Phase, number> = { load: 0, decide: 0, persist: 0, publish: 0 };
  statements = 0;
  #phase: Phase | undefined;
  #since = 0;

  /** Ends the phase before, if there is one. */
  begin(phase: Phase): void {
    this.end();
    this.#phase = phase;
  }

  /** Ends the phase that runs, if there is one. */
  end(): void {
    const now = performance.now();
    if (this.#phase !== undefined) this.phaseMs[this.#phase] += now - this.#since;
    this.#phase = undefined;
    this.#since = now;
  }

  /** The session, whose statements are counted. */
  counting(session: Session): Session {
    return {
      query: (statement, values) => {
        this.statements++;
        return session.query(statement, values);
      },
    };
  }
}
