import type { IncomingMessage } from 'node:http';

/**
 * What a client sends, whole. Throws when the client goes away before it was. The request has a listener for as long as
 * it lives: an error of it that nobody listens to would end the process.
 */
export const wholeBody = async (message: IncomingMessage): Promise<Buffer> => {
  message.on('error', () => undefined);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};
