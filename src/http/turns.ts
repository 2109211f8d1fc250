import type { FastifyInstance, FastifyRequest } from 'fastify';
import { limits } from '../limits.ts';
import { notStarted, overloaded, type Admission, type EndTurn } from './admission.ts';
import { withDeadline } from '../deadline.ts';
import { Problem } from './problem.ts';
import type { Shares } from './shares.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ends the turn that the call has had since before its body was parsed, and that nothing has taken over. */
    endTurn: EndTurn | null;
  }
}

/** What a call is told whose time is over while it is under way. */
export interface Late {
  readonly detail: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Gives each call its turn, and answers no later than the client waits for. */
export class Turns {
  readonly #admission: Pick<Admission, 'enter' | 'note' | 'idle' | 'load'>;
  readonly #answers: Pick<Shares, 'hasRoom'>;

  /** @param answers what is there of answers that nobody has taken yet: where that is too much, none is made */
  constructor(
    admission: Pick<Admission, 'enter' | 'note' | 'idle' | 'load'>,
    answers: Pick<Shares, 'hasRoom'>,
  ) {
    this.#admission = admission;
    this.#answers = answers;
  }

  /** Notes who calls, and ends with their answers the turns of calls that nothing was done for. */
  follow(app: FastifyInstance): void {
    app.decorateRequest('endTurn', null);
    app.addHook('onRequest', ({ keyId }, _reply, done) => {
      if (keyId !== null) this.#admission.note(keyId);
      done();
    });
    const end = (request: FastifyRequest): void => {
      request.endTurn?.(isLarge(request));
      request.endTurn = null;
    };
    app.addHook('onError', (request, _reply, _error, done) => {
      end(request);
      done();
    });
    app.addHook('onSend', (request, _reply, _payload, done) => {
      end(request);
      done();
    });
  }

  /**
   * Waits for the turn of a call whose body is there: to parse and to check it is work as well.
   *
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async begin(request: FastifyRequest): Promise<void> {
    if (request.keyId === null) return;
    request.endTurn = await this.#admission.enter(request.keyId, request.deadline);
  }

  /**
   * Runs `work`, which keeps its place until it has ended, whether anybody still waits for it or not.
   *
   * @throws Problem `overloaded`, `deadline_exceeded`, `unauthorized`
   */
  take<Result>(request: CallInTurn, work: () => Promise<Result>, late: () => Late): Promise<Result> {
    const { caller, deadline, log } = request;
    let hasBegun = false;
    let isOver = false;
    const running = this.#inTurn(request, async () => {
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

  async #inTurn<Result>(request: CallInTurn, work: () => Promise<Result>): Promise<Result> {
    const end = request.endTurn ?? (await this.#admission.enter(request.caller.keyId, request.deadline));
    request.endTurn = null;
    try {
      return await work();
    } finally {
      end(isLarge(request));
    }
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

/** What is looked at of a call to do its work in its turn. */
type CallInTurn = Pick<FastifyRequest, 'caller' | 'confirmKey' | 'deadline' | 'endTurn' | 'log' | 'cost'>;

const isLarge = ({ cost }: Pick<FastifyRequest, 'cost'>): boolean => cost > limits.http.largeCall;

function exceeded({ detail, extensions }: Late): Problem {
  return new Problem('deadline_exceeded', detail, {
    ...(extensions && { extensions }),
  });
}
