/** What an instance is asked to do. */
export interface Invocation {
  readonly requestId: string;
  /** JSON, as it came. */
  readonly event: Buffer;
  /** Unix ms when the platform ends it. */
  readonly deadlineMs: number;
  /** Lambda: JSON text that the invoker sent beside the event. */
  readonly clientContext?: string;
}

/** What came of it. */
export type InvocationEnd =
  | { readonly is: 'answer'; readonly body: Buffer }
  /** The handler threw; what the runtime told of it. */
  | { readonly is: 'error'; readonly body: Buffer }
  | { readonly is: 'timed-out' }
  | { readonly is: 'exited' | 'out-of-memory' | 'init-exited'; readonly how: string }
  | { readonly is: 'init-failed'; readonly body: Buffer }
  | { readonly is: 'init-timed-out' }
  | { readonly is: 'too-large'; readonly maxBytes: number };
