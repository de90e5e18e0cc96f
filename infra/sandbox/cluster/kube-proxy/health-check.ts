import { createServer, type Server, type ServerResponse } from 'node:http';
import type { SocketAddress } from '../../addresses.ts';
import type { HealthRule } from './rules.ts';

const answer = ({ service, localEndpoints }: HealthRule, response: ServerResponse): void => {
  const body = JSON.stringify({ service, localEndpoints, serviceProxyHealthy: true }, undefined, '\t');
  response.writeHead(localEndpoints > 0 ? 200 : 503, {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'x-load-balancing-endpoint-weight': String(localEndpoints),
  });
  response.end(body);
};

/** A Service's health check port on one node: 200 while the node has ready endpoints of it, else 503. */
export class HealthCheck {
  #rule: HealthRule;
  readonly #server: Server;

  constructor(rule: HealthRule) {
    this.#rule = rule;
    this.#server = createServer((request, response) => {
      request.resume();
      answer(this.#rule, response);
    });
  }

  get rule(): HealthRule {
    return this.#rule;
  }

  apply(rule: HealthRule): void {
    this.#rule = rule;
  }

  /** @throws Error when the port cannot be listened on */
  open(socket: SocketAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...socket, exclusive: true }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
