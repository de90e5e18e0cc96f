import type { User } from '../context.ts';
import type { Json } from '../json.ts';

/** A request, free of its transport. */
export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  /** Bytes that are no text come as one character each (latin1). */
  readonly body: string;
  readonly user: User;
}

/** Where a watch writes to. */
export interface StreamSink {
  /** False: full; `onDrain` says when to go on. */
  write(chunk: string): boolean;
  onDrain(listener: () => void): void;
  end(): void;
}

export interface BodyResponse {
  readonly kind: 'body';
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamResponse {
  readonly kind: 'stream';
  readonly contentType: string;
  /** Starts writing; the answer stops it and must be called when the client has gone. */
  readonly open: (sink: StreamSink) => () => void;
}

export type ApiResponse = BodyResponse | StreamResponse;

export const jsonText = (status: number, body: string, headers?: Record<string, string>): BodyResponse => {
  const response = { kind: 'body', status, contentType: 'application/json', body: `${body}\n` } as const;
  return headers === undefined ? response : { ...response, headers };
};

export const json = (status: number, body: Json, headers?: Record<string, string>): BodyResponse =>
  jsonText(status, JSON.stringify(body), headers);

export const plain = (status: number, body: string): BodyResponse => ({
  kind: 'body',
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
});
