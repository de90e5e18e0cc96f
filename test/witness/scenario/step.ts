/**
 * What a value of an answer must be: exactly this, or what one of the `$` forms says. An absent value and null are the
 * same, because not every SDK keeps them apart.
 */
export type Expected =
  | string
  | number
  | boolean
  | null
  | readonly Expected[]
  /** A regular expression that is one in Go, Python and JavaScript. */
  | { readonly $match: string }
  | { readonly $length: number };

/** One call, in words that the runner of each language understands. */
export interface Step {
  readonly name: string;
  readonly action: string;
  /** `<x>` in a string is what was given or captured under x; a string that is nothing else becomes that value. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** With which of the keys; default: `main`. */
  readonly as?: string;
  /** Sent by the SDK's client for any action: its typed one would not send this. */
  readonly raw?: boolean;
  /** Dotted paths into `Response`. */
  readonly answer?: Readonly<Record<string, Expected>>;
  /** What the call must be refused with: the whole code, and a pattern found in the message. */
  readonly error?: { readonly code: string; readonly message?: string };
  /** Called one after another, at most so often, until it is refused with `error`; the first one is not. */
  readonly repeat?: number;
  /** Name → path. */
  readonly capture?: Readonly<Record<string, string>>;
  /** Its task must end well. */
  readonly task?: boolean;
  /** Called again until `answer` holds. */
  readonly until?: boolean;
}

export interface Key {
  readonly secretId: string;
  readonly secretKey: string;
  readonly token?: string;
  readonly region?: string;
}

/** Steps in their order, over one way to reach the API. */
export interface Pass {
  readonly name: string;
  readonly scheme: 'http' | 'https';
  readonly method: 'POST' | 'GET';
  /** As an SDK's endpoint setting has it. */
  readonly endpoint: string;
  readonly steps: readonly Step[];
}

/** All that a runner is told, as JSON in the file that WITNESS_WORK names. */
export interface Work {
  readonly passes: readonly Pass[];
  readonly keys: Readonly<Record<string, Key>>;
  readonly region: string;
  /** PEM of who vouches for the API's certificate, for SDKs that ask for it by a setting of theirs. */
  readonly caFile: string;
  /** Leads to the API under its own names, for SDKs that do not look into the environment. */
  readonly proxy: string;
  readonly given: Readonly<Record<string, string>>;
  /** For each step that held a line is added: `{"pass","step","action","raw","answer"}`. */
  readonly reportFile: string;
}
