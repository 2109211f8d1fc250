import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig, Pincex } from '../../src/index.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newUser } from '../support/books.ts';
import { seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { postmasterPid } from './support.ts';

/** Another user of the machine waits for the port of an embedded server to become free, and listens there. */

it('a program that takes the port of a server that died hears nothing, and the pool is stopped', async () => {
  const dataDir = await seededDataDir();
  const server = await startEmbeddedServer({ dataDir, listens: 'tcp' });
  onTestFinished(() => server.stop());
  const pincex = await Pincex.open({ config: loadConfig({ env: { PINCEX_DATA_DIR: dataDir } }) });
  onTestFinished(() => pincex.close());
  const userId = await newUser(pincex, { USD: '5' });
  const { port, password } = new URL(pincex.connectionString);
  process.kill(postmasterPid(dataDir), 'SIGQUIT');
  await pincex.serverEnded;

  let heard = '';
  const impostor = net.createServer((socket) => {
    socket.on('error', () => undefined).on('data', (data) => (heard += data.toString('latin1')));
    // AuthenticationCleartextPassword.
    socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
  });
  onTestFinished(() => {
    impostor.close();
  });
  await until('the port to be free', () => {
    return new Promise((resolve) => {
      impostor.once('error', () => {
        resolve(false);
      });
      impostor.listen(Number(port), '127.0.0.1', () => {
        resolve(true);
      });
    });
  });
  await expect(pincex.ping()).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('embedded PostgreSQL server has ended') as string,
  });
  expect(heard).toBe('');
  // An audit has a connection of its own.
  await expect(pincex.audit()).rejects.toThrow('has ended');
  await pincex.doctor().catch(() => undefined);
  expect(heard).not.toContain(password);
  expect(heard).not.toContain(userId);
});
