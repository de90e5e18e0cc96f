import type { FieldError } from './field-errors.ts';
import type { Json, JsonObject } from './json.ts';

/** A resource as error messages name it. */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
}

interface Details {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { reason?: string; message?: string; field?: string }[];
  readonly retryAfterSeconds?: number;
}

const detailsJson = (details: Details): JsonObject => {
  const { causes, ...rest } = details;
  const json: JsonObject = { ...rest };
  if (causes !== undefined) json.causes = causes.map((cause) => ({ ...cause }));
  return json;
};

/** An answer that is not a success, with the body that Kubernetes gives (meta/v1 Status). */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Details | undefined;

  constructor(code: number, reason: string, message: string, details?: Details) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The Status object. */
  toJson(): JsonObject {
    const status: JsonObject = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
    };
    if (this.reason !== '') status.reason = this.reason;
    if (this.details !== undefined) status.details = detailsJson(this.details);
    status.code = this.code;
    return status;
  }
}

/** `pods`, `deployments.apps` */
export const qualified = (name: Pick<ResourceName, 'group' | 'resource'>): string =>
  name.group === '' ? name.resource : `${name.resource}.${name.group}`;

/** What an error is about; fields that say nothing are left out. */
const about = (name: string, group: string, kind: string): Details => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  ...(kind === '' ? {} : { kind }),
});

const named = (of: ResourceName, name: string): Details => about(name, of.group, of.resource);

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);

export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');

export const forbidden = (
  of: ResourceName,
  name: string,
  why: string,
  causes?: Details['causes'],
): StatusError => {
  const what = name === '' ? qualified(of) : `${qualified(of)} "${name}"`;
  const details = named(of, name);
  return new StatusError(
    403,
    'Forbidden',
    `${what} is forbidden: ${why}`,
    causes === undefined ? details : { ...details, causes },
  );
};

export const notFound = (of: ResourceName, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${qualified(of)} "${name}" not found`, named(of, name));

/** A path that no resource answers. */
export const noSuchResource = (): StatusError =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = (): StatusError =>
  new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );

export const notAcceptable = (): StatusError =>
  new StatusError(
    406,
    'NotAcceptable',
    '406: Not Acceptable\n\nAvailable representations: application/json, application/json;stream=watch',
    {},
  );

/** A form of single objects asked for a list, or the other way round. */
export const wrongForm = (asked: string, what: string): StatusError =>
  new StatusError(406, 'NotAcceptable', `you requested ${asked}, but the requested object is ${what}`);

export const alreadyExists = (of: ResourceName, name: string): StatusError =>
  new StatusError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, named(of, name));

export const conflict = (of: ResourceName, name: string, why: string): StatusError =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    named(of, name),
  );

/** The object moved on since the caller read it. */
export const modified = (of: ResourceName, name: string): StatusError =>
  conflict(
    of,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

/** The version was compacted away (watch). */
export const tooOldVersion = (asked: number, oldest: number): StatusError =>
  new StatusError(410, 'Expired', `too old resource version: ${asked} (${oldest})`);

/** The version was compacted away (list). */
export const tooOldList = (): StatusError =>
  new StatusError(410, 'Expired', 'The resourceVersion for the provided list is too old.');

/** A page of a list that can no longer be served as it was. */
export const expiredContinue = (): StatusError =>
  new StatusError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
  );

/** The media type of a body that is not a patch. */
export const unsupportedBody = (): StatusError =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
  );

/** The media type of a patch. */
export const unsupportedMediaType = (): StatusError =>
  new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});

export const invalidObject = (
  of: Pick<ResourceName, 'group' | 'kind'>,
  name: string,
  errors: readonly FieldError[],
): StatusError => {
  const lines = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const kind = of.group === '' ? of.kind : `${of.kind}.${of.group}`;
  const text = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  const causes = errors.map(({ type, message, field }) => ({ reason: type, message, field }));
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    ...about(name, of.group, of.kind),
    causes,
  });
};

export const tooManyRequests = (
  message: string,
  retryAfterSeconds: number,
  causes?: Details['causes'],
): StatusError => {
  const details = retryAfterSeconds > 0 ? { retryAfterSeconds } : {};
  return new StatusError(
    429,
    'TooManyRequests',
    message,
    causes === undefined ? details : { ...details, causes },
  );
};

export const internalError = (message: string): StatusError =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });

/** The Success body of a request that has no object to answer with. */
export const success = (details: Record<string, Json>): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details,
});
