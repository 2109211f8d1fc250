import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import * as port from '../../src/embedded/system/port.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { seededDataDir } from '../support/folders.ts';
import { query } from './support.ts';

vi.mock('../../src/embedded/system/port.ts', { spy: true });

/** A port on which another program listens. */
async function takenPort(): Promise<number> {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => {
    other.close();
  });
  return (other.address() as net.AddressInfo).port;
}

it('a port that another program takes just before the start is replaced by another port', async () => {
  const taken = await takenPort();
  vi.mocked(port.freePort).mockResolvedValueOnce(taken).mockResolvedValueOnce(taken);
  const server = await startEmbeddedServer({ dataDir: await seededDataDir(), listens: 'tcp' });
  expect(new URL(server.url).port).not.toBe(String(taken));
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

it('a start gives up after five lost ports and says why', async () => {
  const taken = await takenPort();
  vi.mocked(port.freePort).mockResolvedValue(taken);
  onTestFinished(() => {
    vi.mocked(port.freePort).mockRestore();
  });
  await expect(startEmbeddedServer({ dataDir: await seededDataDir(), listens: 'tcp' })).rejects.toThrow(
    /Address already in use/,
  );
});
