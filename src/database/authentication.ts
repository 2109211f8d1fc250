import tls from 'node:tls';
import type pg from 'pg';
import type { Proof } from './destination.ts';
import { Client } from './driver.ts';
import { unproven } from './failures.ts';

/** The parts of the driver's connection that its types leave out. */
interface Wire {
  readonly stream: { destroy(): unknown };
  emit(event: 'error', error: Error): boolean;
  on(event: string, listener: () => void): void;
}

/**
 * A client that gives a password away to nobody who asks for it. The driver alone answers whatever it is asked: to a
 * program that listens in the place of a server it sends the password itself, or what it can be guessed from.
 *
 * SCRAM tells neither, and proves that the server knows the password, too. Others are answered only over TLS to a server
 * whose certificate was checked, or where `required` names them. With `required` nothing else is taken, no server that
 * asks for nothing either.
 */
export class GuardedClient extends Client {
  constructor(config: pg.ClientConfig, required?: Proof) {
    super(config);
    const { connection } = this as unknown as { readonly connection: Wire };
    let proof: Proof | undefined;

    // These listeners come before the driver's own, which send nothing any more on a stream that is destroyed.
    connection.on('error', () => {
      connection.stream.destroy();
    });
    const refuse = (asked: Proof | 'none'): void => {
      connection.emit('error', unproven(asked, required));
    };
    const ask = (asked: Proof): void => {
      const isTaken =
        required === undefined
          ? asked === 'scram-sha-256' || isChecked(connection.stream)
          : asked === required;
      if (isTaken) proof = asked;
      else refuse(asked);
    };
    // The driver then checks the server's signature, and whatever fails ends the connection.
    let isScramDone = false;
    const requireProof = (): void => {
      const isProven =
        required === undefined || (proof === required && (proof !== 'scram-sha-256' || isScramDone));
      if (!isProven) refuse('none');
    };
    connection.on('authenticationSASL', () => {
      ask('scram-sha-256');
    });
    connection.on('authenticationMD5Password', () => {
      ask('md5');
    });
    connection.on('authenticationCleartextPassword', () => {
      ask('password');
    });
    connection.on('authenticationSASLFinal', () => {
      isScramDone = true;
    });
    connection.on('authenticationOk', requireProof);
    // A server may leave that out.
    connection.on('readyForQuery', requireProof);
  }
}

/** Whether it is TLS, and the server who its certificate says. */
const isChecked = (stream: unknown): boolean => stream instanceof tls.TLSSocket && stream.authorized;
