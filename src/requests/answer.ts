import type { WritePart } from '../engine/write.ts';

/** The answer of a call, as it is sent and stored. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Writes the answer of a call in the same statement as its batch. */
export interface AnswerWriter {
  /** The part of the statement that writes the answer. */
  partFor(answer: Answer): WritePart;
  /** To be called once the statement is committed. */
  onWritten(): void;
}
