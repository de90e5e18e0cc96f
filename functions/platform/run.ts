/**
 * A function, whatever the platform: the event as it came, when the platform ends the invocation (Unix ms), the
 * answer. Throws what the platform is to report.
 */
export type Run = (event: unknown, deadlineAt: number) => Promise<unknown>;
