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
  /** What it is where all that nobody has verified is answered the hard way; absent: the same. */
  readonly strict?: StrictForm;
}

/** Other parameters, where they are named; and what comes of the call, which replaces all that a step says of it. */
export type StrictForm = Pick<Step, 'parameters' | 'answer' | 'error' | 'capture' | 'task'>;

/** The steps as a runner is told them for a simulator with the strict settings. */
export const inStrict = (steps: readonly Step[]): readonly Step[] =>
  steps.map(({ strict, ...step }) => {
    if (strict === undefined) return step;
    const { answer, error, capture, task, until, repeat, ...asked } = step;
    return { ...asked, ...(repeat === undefined ? {} : { repeat }), ...strict };
  });

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

/** What a client asks again after: this code, and a pattern found in the message. */
export interface Later {
  readonly code: string;
  readonly message?: string;
}

/**
 * The lock and the limit of calls. The lock is known by its words too, as the clients that people run in production
 * know it: actions that do not document its code may tell of it under another one.
 */
export const later: readonly Later[] = [
  { code: 'RequestLimitExceeded' },
  { code: 'FailedOperation.ResourceInOperating' },
  { code: 'FailedOperation', message: 'is not in normal desState|^Your task is working' },
];

/** All that a runner is told, as JSON in the file that WITNESS_WORK names. */
export interface Work {
  readonly passes: readonly Pass[];
  readonly later: readonly Later[];
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
