import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';

/** The load balancer's own answer. What the client still sends is read and forgotten, so that it sees the answer. */
export const answerStatus = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  response.writeHead(status, {
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
  request.resume();
};
