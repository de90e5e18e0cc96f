const lookEveryMs = 1_000;

/**
 * Under `npm start`, ends this process when npm is gone: npm passes SIGTERM on, but after a kill -9 it would leave us
 * behind. Outside npm nothing is done: there a parent may well end before its background job.
 */
export const endWithNpm = (): void => {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, lookEveryMs).unref();
};
