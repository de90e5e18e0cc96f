import { request } from 'node:http';
import { pathToFileURL } from 'node:url';

/** What a runtime API answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks the runtime API of this instance; without a time-out, because waiting for an event takes as long as it takes. */
export const ask = (
  api: { readonly host: string; readonly port: number },
  method: string,
  path: string,
  body?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        ...api,
        method,
        path,
        agent: false,
        headers:
          body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...more },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });

/** An instance never outlives its platform. */
export const dieWithPlatform = (): void => {
  process.stdin.on('end', () => process.exit(1));
  process.stdin.on('error', () => process.exit(1));
  process.stdin.resume();
};

export type Handler = (event: unknown, context: object) => unknown;

/**
 * Loads the function.
 *
 * @param name of the exported handler
 * @throws what the file throws while it is loaded
 */
export const loadHandler = async (file: string, name: string): Promise<Handler> => {
  const loaded: Record<string, unknown> = await import(pathToFileURL(file).href);
  const exported = loaded[name] ?? Object(loaded['default'])[name];
  if (typeof exported !== 'function') throw new Error(`${file} exports no ${name}`);
  return (event, context) => exported(event, context);
};

export const errorBody = (error: unknown): string =>
  JSON.stringify(
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
      : { errorType: 'Error', errorMessage: String(error), trace: [] },
  );
