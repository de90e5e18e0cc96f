import { Logger } from '@aws-lambda-powertools/logger';

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs, one JSON object a line, on stdout. No secret goes in: errors are reduced to name and message. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'SILENT';

/** Own properties of library errors may hold whole requests; only name and message are safe to show. */
const safe = (fields: LogFields): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: value.message } : value,
    ]),
  );

export const createLog = (service: string, level: LogLevel = 'INFO'): Log => {
  const logger = new Logger({ serviceName: service, logLevel: level });
  return {
    debug: (message, fields = {}) => logger.debug(message, safe(fields)),
    info: (message, fields = {}) => logger.info(message, safe(fields)),
    warn: (message, fields = {}) => logger.warn(message, safe(fields)),
    error: (message, fields = {}) => logger.error(message, safe(fields)),
  };
};

/** For tests and for quiet tools. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
