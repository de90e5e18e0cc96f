import type { IncomingMessage } from 'node:http';

/** What a client sends, whole. @throws Error when the client goes away before it was */
export const wholeBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};
