import type { WritePart } from '../engine/write.ts';

/** An answer as it is sent and kept. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Notes the answer of a call with its batch. */
export interface Noting {
  /** Writes the answer in the same statement as the batch. */
  answered(answer: Answer): WritePart;
  /** It was written. */
  end(): void;
}
