import { WebSocket } from 'undici';
import { NotMeasured } from './figure.ts';

/**
 * Has a Node process that was started with `--inspect` collect its garbage.
 *
 * @returns bytes of what it holds then: its heap, and what is outside of it
 */
export const inspect = async (url: string): Promise<number> => {
  const socket = new WebSocket(url);
  const answers = new Map<number, (result: unknown) => void>();
  const failed = new Promise<never>((_, reject) => {
    socket.addEventListener('error', () => reject(new NotMeasured('the inspector did not answer')));
    socket.addEventListener('close', () => reject(new NotMeasured('the inspector hung up')));
  });
  failed.catch(() => undefined);
  const opened = new Promise<void>((resolve) => socket.addEventListener('open', () => resolve()));
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    answers.get(id)?.(result);
  });
  const call = (id: number, method: string, params: object = {}): Promise<unknown> => {
    const answer = new Promise((resolve) => answers.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    return Promise.race([answer, failed]);
  };
  await Promise.race([opened, failed]);
  try {
    // Twice: what was kept by something that the first one found dead.
    await call(1, 'HeapProfiler.collectGarbage');
    await call(2, 'HeapProfiler.collectGarbage');
    const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
    const evaluated = Object(await call(3, 'Runtime.evaluate', { expression, returnByValue: true }));
    return Number(evaluated.result?.value);
  } finally {
    socket.close();
  }
};
