import tls from 'node:tls';
import type pg from 'pg';
import type { Proof } from './destination.ts';
import { Client } from './driver.ts';
import { authenticationRefused } from '../failures.ts';

/** The parts of the driver's connection that its types leave out. */
interface Wire {
  readonly stream: { destroy(): unknown };
  emit(event: 'error', error: Error): boolean;
  on(event: string, listener: () => void): void;
}

/**
 * A client that checks how the server asks for the password before it answers. The driver by itself answers any method: it
 * would send an impostor the password in plain text, or a hash from which it can be guessed.
 *
 * SCRAM reveals neither, and proves that the server knows the password. The client answers other methods only over TLS to a
 * server whose certificate was verified, or if `required` names the method. With `required`, it refuses every other method, and
 * also a server that asks for no password.
 */
export class GuardedClient extends Client {
  constructor(config: pg.ClientConfig, required?: Proof) {
    super(config);
    const { connection } = this as unknown as { readonly connection: Wire };
    let proof: Proof | undefined;

    // These listeners run before those of the driver, which send nothing on a destroyed stream.
    connection.on('error', () => {
      connection.stream.destroy();
    });
    const refuse = (asked: Proof | 'none'): void => {
      connection.emit('error', authenticationRefused(asked, required));
    };
    const ask = (asked: Proof): void => {
      const isTaken =
        required === undefined
          ? asked === 'scram-sha-256' || isChecked(connection.stream)
          : asked === required;
      if (isTaken) proof = asked;
      else refuse(asked);
    };
    // The driver checks the server's signature, and ends the connection if it is wrong.
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
    // A server may omit AuthenticationOk.
    connection.on('readyForQuery', requireProof);
  }
}

/** Whether the connection uses TLS and the certificate of the server was verified. */
const isChecked = (stream: unknown): boolean => stream instanceof tls.TLSSocket && stream.authorized;
