import type { FastifyRequest } from 'fastify';
import { notStarted, overloaded, type Admission } from './admission.ts';
import { withDeadline } from './deadline.ts';
import { Problem } from './problem.ts';
import type { Shares } from './shares.ts';

/** What a call is told whose time is over while it is under way. */
export interface Late {
  readonly detail: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Gives each call its turn, and answers no later than the client waits for. */
export class Turns {
  readonly #admission: Pick<Admission, 'run' | 'idle' | 'load'>;
  readonly #answers: Pick<Shares, 'hasRoom'>;

  /** @param answers what is there of answers that nobody has taken yet: where that is too much, none is made */
  constructor(admission: Pick<Admission, 'run' | 'idle' | 'load'>, answers: Pick<Shares, 'hasRoom'>) {
    this.#admission = admission;
    this.#answers = answers;
  }

  /**
   * Runs `work`, which keeps its place until it has ended, whether anybody still waits for it or not.
   *
   * @throws Problem `overloaded`, `deadline_exceeded`, `unauthorized`
   */
  take<Result>(
    request: Pick<FastifyRequest, 'caller' | 'confirmKey' | 'deadline' | 'log'>,
    work: () => Promise<Result>,
    late: () => Late,
  ): Promise<Result> {
    const { caller, deadline, log } = request;
    let hasBegun = false;
    let isOver = false;
    const running = this.#admission.run(caller.keyId, deadline, async () => {
      // Its body may have come slowly, and it may have waited: its key may have ended meanwhile.
      await request.confirmKey();
      // Both watch the clock, and not to the same millisecond: what was said not to have begun must not begin.
      if (isOver) throw notStarted();
      if (!this.#answers.hasRoom(caller.keyId))
        throw overloaded('too much of its answers is yet to be taken');
      hasBegun = true;
      return work();
    });
    running.catch((error: unknown) => {
      // Else it is told to the caller, and logged on the way.
      if (isOver && !(error instanceof Problem)) log.error({ err: error }, 'failed behind its deadline');
    });
    return withDeadline(deadline, running, () => {
      isOver = true;
      return hasBegun ? exceeded(late()) : notStarted();
    });
  }

  /** Whether nothing is under way now, or waits to be. */
  get isIdle(): boolean {
    return this.#admission.load.running === 0;
  }

  /** Resolves once all that was begun, or waits to be, has ended. */
  idle(): Promise<void> {
    return this.#admission.idle();
  }
}

function exceeded({ detail, extensions }: Late): Problem {
  return new Problem(504, 'deadline_exceeded', detail, {
    retryable: true,
    ...(extensions && { extensions }),
  });
}
