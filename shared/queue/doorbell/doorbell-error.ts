/** Errors of ioredis carry the command with all its arguments, of AUTH too: only these words of them are told. */
const safeWords =
  /^(E[A-Z]{2,}|[A-Z]{4,}|Connection is closed|Command timed out|Socket timeout|Reached the max retries)/;

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return 'failed';
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return safeWords.exec(code)?.[0] ?? safeWords.exec(cause.message)?.[0] ?? cause.name;
};

/** The doorbell could not ring or listen. Says why in a few words, and never an address, a command or a secret. */
export class DoorbellError extends Error {
  constructor(reason: 'closed' | 'no answer' | { readonly cause: unknown }) {
    super(`doorbell: ${typeof reason === 'string' ? reason : reasonOf(reason.cause)}`);
    this.name = 'DoorbellError';
  }
}

export const asDoorbellError = (error: unknown): DoorbellError =>
  error instanceof DoorbellError ? error : new DoorbellError({ cause: error });
