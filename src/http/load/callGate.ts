import type { FastifyInstance, FastifyRequest } from 'fastify';
import { withDeadline } from '../../deadline.ts';
import { limits } from '../../limits.ts';
import { notStarted, overloaded, Problem } from '../problems/problem.ts';
import type { Admission, Leave } from './admission.ts';
import type { SharedBudget } from './sharedBudget.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Leaves the place that the call got before its body was parsed; null if it has none, or `run` has taken it over. */
    leave: Leave | null;
  }
}

/** Answer to a call whose deadline passes while it runs. */
export interface PastDeadline {
  readonly detail: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Lets calls work only with a place from the admission, and answers each by its deadline. */
export class CallGate {
  readonly #admission: Pick<Admission, 'enter' | 'note' | 'idle' | 'load'>;
  readonly #answers: Pick<SharedBudget, 'hasRoom'>;

  /** @param answers characters of answers that clients have not taken yet: if a key has too many, its calls are refused */
  constructor(
    admission: Pick<Admission, 'enter' | 'note' | 'idle' | 'load'>,
    answers: Pick<SharedBudget, 'hasRoom'>,
  ) {
    this.#admission = admission;
    this.#answers = answers;
  }

  /** Tells the admission which keys call, and leaves the places of calls that are answered before `run`. */
  addHooks(app: FastifyInstance): void {
    app.decorateRequest('leave', null);
    app.addHook('onRequest', ({ keyId }, _reply, done) => {
      if (keyId !== null) this.#admission.note(keyId);
      done();
    });
    const leave = (request: FastifyRequest): void => {
      request.leave?.(isLarge(request));
      request.leave = null;
    };
    app.addHook('onError', (request, _reply, _error, done) => {
      leave(request);
      done();
    });
    app.addHook('onSend', (request, _reply, _payload, done) => {
      leave(request);
      done();
    });
  }

  /**
   * Waits for the place of a call as soon as its body is there, since parsing and validating it is work as well.
   *
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async enter(request: FastifyRequest): Promise<void> {
    if (request.keyId === null) return;
    request.leave = await this.#admission.enter(request.keyId, request.deadline);
  }

  /**
   * Runs `work` in the place of the call. If the deadline passes, the client is answered and `work` goes on: it keeps
   * the place until it ends.
   *
   * @throws Problem `overloaded`, `deadline_exceeded`, `unauthorized`
   */
  run<Result>(
    request: GatedRequest,
    work: () => Promise<Result>,
    pastDeadline: () => PastDeadline,
  ): Promise<Result> {
    const { caller, deadline, log } = request;
    let hasBegun = false;
    let isAnswered = false;
    const running = this.#inPlace(request, async () => {
      // The body may have come slowly, and the call may have waited: its key may have ended meanwhile.
      await request.confirmKey();
      // The admission has its own timer for the deadline, which may fire later than the one below.
      if (isAnswered) throw notStarted();
      if (!this.#answers.hasRoom(caller.keyId))
        throw overloaded('too many answers to this key are still unread by its clients');
      hasBegun = true;
      return work();
    });
    running.catch((error: unknown) => {
      // Before the deadline the error handler gets the error, and logs it.
      if (isAnswered && !(error instanceof Problem)) log.error({ err: error }, 'failed after its deadline');
    });
    return withDeadline(deadline, running, () => {
      isAnswered = true;
      return hasBegun ? exceeded(pastDeadline()) : notStarted();
    });
  }

  async #inPlace<Result>(request: GatedRequest, work: () => Promise<Result>): Promise<Result> {
    const leave = request.leave ?? (await this.#admission.enter(request.caller.keyId, request.deadline));
    request.leave = null;
    try {
      return await work();
    } finally {
      leave(isLarge(request));
    }
  }

  /** Number of calls that run and that wait now. */
  get load(): Admission['load'] {
    return this.#admission.load;
  }

  /** Whether no call runs or waits now. */
  get isIdle(): boolean {
    return this.load.running === 0;
  }

  /** Resolves once no call runs or waits. */
  idle(): Promise<void> {
    return this.#admission.idle();
  }
}

type GatedRequest = Pick<FastifyRequest, 'caller' | 'confirmKey' | 'deadline' | 'leave' | 'log' | 'cost'>;

const isLarge = ({ cost }: Pick<FastifyRequest, 'cost'>): boolean => cost > limits.http.largeCall;

function exceeded({ detail, extensions }: PastDeadline): Problem {
  return new Problem('deadline_exceeded', detail, {
    ...(extensions && { extensions }),
  });
}
