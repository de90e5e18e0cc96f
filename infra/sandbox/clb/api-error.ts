/** A decision of the API: answered as `{"Response":{"Error":{"Code","Message"}}}` with HTTP status 200. */
export class ApiError extends Error {
  readonly code: string;
  /** Its code in actions that do not document the other one. */
  readonly otherwise: string | undefined;

  constructor(code: string, message: string, otherwise?: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.otherwise = otherwise;
  }
}

/** Messages of the gateway, in the words that the real one uses (language en-US). */
export const missingParameter = (path: string): ApiError =>
  new ApiError(
    'MissingParameter',
    `The request is missing a required parameter \`${path}\`.`,
    'InvalidParameter',
  );

export const unknownParameter = (path: string): ApiError =>
  new ApiError('UnknownParameter', `The parameter \`${path}\` is not recognized.`);

export const wrongType = (path: string, expected: string): ApiError =>
  new ApiError(
    'InvalidParameter',
    `The value type of parameter \`${path}\` is not valid, input type should be \`${expected}\` `,
  );

export const wrongValue = (path: string, value: unknown, code = 'InvalidParameterValue'): ApiError =>
  new ApiError(
    code,
    `The value \`${typeof value === 'string' ? value : JSON.stringify(value)}\` specified in the parameter \`${path}\` is not valid.`,
    'InvalidParameter',
  );

export const tooLong = (path: string, max: number): ApiError =>
  new ApiError('InvalidParameterValue.Length', `Length of .${path} should be less than ${max + 1}`);

export const tooShort = (path: string, min: number, code = 'InvalidParameterValue.Length'): ApiError =>
  new ApiError(code, `Length of .${path} should be greater than ${min - 1}`);

export const loadBalancerNotFound = (id: string): ApiError =>
  new ApiError(
    'InvalidParameter.LBIdNotFound',
    `Invalid LoadBalancerId, LoadBalancerId: ${id} not exist.`,
    'InvalidParameter',
  );

export const throttled = (count: number, limit: number): ApiError =>
  new ApiError(
    'RequestLimitExceeded',
    `Your current request times equals to \`${count}\` in a second, which exceeds the frequency limit \`${limit}\` for a second. Please reduce the frequency of calls.`,
  );

export const internalError = (): ApiError =>
  new ApiError(
    'InternalError',
    'An internal error has occurred. Retry your request, but if the problem persists, contact us with details by posting a message on the Tencent cloud forums.',
  );
