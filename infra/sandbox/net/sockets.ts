/** The system's code of a socket error, else its message. */
export const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.message;

/** The kernel chose a local port that just then clashes with another connection's; a new try chooses anew. */
export const isLocalClash = (error: Error): boolean => {
  const code = codeOf(error);
  return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL';
};

/** How often a connect is tried again after a clash. */
export const clashTries = 10;
