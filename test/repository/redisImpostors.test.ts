import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { configOf, expectBalanced, newUser } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import { NO_REDIS } from '../support/redis.ts';

describe.skipIf(NO_REDIS !== null)('a program that listens in place of Redis', () => {
  test.each([
    ['speaks nonsense', (socket: net.Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['hangs up', (socket: net.Socket) => socket.destroy()],
    ['says nothing', () => undefined],
  ])('reads and batches do without a cache when the program in place of Redis %s', async (_, answer) => {
    const database = await createTestDatabase();
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const pincex = await Pincex.open({
      config: configOf(database.url, { REDIS_URL: `redis://127.0.0.1:${port}` }),
    });
    try {
      const userId = await newUser(pincex, { USD: '3' });
      for (let n = 0; n < 10; n++) {
        expect((await pincex.bookkeeper.getAccount(userId, 'USD'))?.available).toBe('3');
      }
      await expectBalanced(pincex);
    } finally {
      await pincex.close();
      server.close();
      await database.drop();
    }
  });
});
