import type { IncomingMessage } from 'node:http';

/**
 * What a client sends, whole. Throws when the client goes away before it was; Node may tell that a second time, when
 * who reads here has let go already, and that would end the process.
 */
export const wholeBody = async (message: IncomingMessage): Promise<Buffer> => {
  message.on('error', () => undefined);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};
