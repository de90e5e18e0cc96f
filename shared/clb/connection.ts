import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';

/** Asked at the last moment before a request is written; throwing keeps it from being written. */
export type Gate = () => Promise<void>;

const gates = new AsyncLocalStorage<Gate>();

/** Runs `call`; each connection that it opens asks `gate` once it stands, before anything is written on it. */
export const withGate = <T>(gate: Gate, call: () => Promise<T>): Promise<T> => gates.run(gate, call);

/** Idle connections are closed by us, before the other side does while we write on them. */
const idleMs = 4_000;

/**
 * An agent that keeps connections, and hands a new one to its request only when it is connected (with TLS:
 * secured) and the gate let it pass, because connecting may take longer than a check of the hold is good for
 * (law L4). `connectMs` bounds the connecting.
 */
export const createAgent = (protocol: 'http:' | 'https:', connectMs: number): HttpAgent => {
  const secure = protocol === 'https:';
  const options = { keepAlive: true, timeout: idleMs };
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const stream = connect(options);
    if (!(stream instanceof Socket) || callback === undefined) return stream;
    const failed = (error: Error): void => callback(error, stream);
    stream.once('error', failed);
    stream.setTimeout(connectMs, () => stream.destroy(new Error(`not connected after ${connectMs} ms`)));
    stream.once(secure ? 'secureConnect' : 'connect', () => {
      stream.setTimeout(0);
      stream.removeAllListeners('timeout');
      Promise.resolve(gates.getStore()?.()).then(
        () => {
          stream.removeListener('error', failed);
          callback(null, stream);
        },
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    });
    return undefined;
  };
  return agent;
};
